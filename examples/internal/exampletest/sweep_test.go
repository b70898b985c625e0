package exampletest_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/examples/internal/example"
	"github.com/azdps/azdps/examples/internal/exampletest"
)

// enroll makes a program of one step, which creates an enrollment with the id that it is given.
func enroll(id func(*example.Run) string, hide bool) example.Program {
	return example.Program{Name: "sweep", Tell: func(ctx context.Context, r *example.Run) error {
		create := func(ctx context.Context) error {
			enrollment := azdps.IndividualEnrollment{RegistrationID: id(r), Attestation: azdps.NewGeneratedKeyAttestation()}
			created, err := r.Client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment, nil)
			if err == nil {
				r.Say("%s", created.Attestation.SymmetricKey.PrimaryKey)
			}
			return err
		}
		err := r.Finish(ctx, create, func(context.Context) error { return nil })
		if hide {
			return nil
		}
		return err
	}}
}

func noted(r *example.Run) string { return r.WillEnroll("device") }

func forgotten(r *example.Run) string {
	r.WillEnroll("another")
	return r.ID("device")
}

func TestSweep(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		program example.Program
		errs    []string
	}{
		"a program that cleans up":             {program: enroll(noted, false)},
		"a program that forgets what it makes": {enroll(forgotten, false), []string{"request 2, refused: sweep-", "-device is left"}},
		"a program that hides what fails":      {enroll(noted, true), []string{"interrupted: the program never failed in 2 runs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := exampletest.Sweep(t.Context(), test.program)
				if len(test.errs) == 0 {
					require.NoError(t, err)
				}
				for _, text := range test.errs {
					require.ErrorContains(t, err, text)
				}
			})
		})
	}
}

func TestStage_knowsWhatWasHeldAndPrinted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(enroll(noted, false))
		defer stage.Server.Close()
		require.NoError(t, stage.Run(t.Context()))
		assert.Contains(t, stage.Held(), `-device"`)
		assert.Empty(t, stage.Left())
		require.Len(t, stage.Keys(), 2)
		assert.Equal(t, stage.Keys()[:1], stage.Printed(), "this program prints its primary key")
	})
}
