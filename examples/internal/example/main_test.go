package example

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
)

// asProgram makes the binary of the test a program, which enrolls a device and waits to be interrupted.
const asProgram = "EXAMPLE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		m.Run()
		return
	}
	Program{Name: "waits", Tell: func(ctx context.Context, r *Run) error {
		enrollment := azdps.IndividualEnrollment{RegistrationID: r.WillEnroll("device"), Attestation: azdps.NewGeneratedKeyAttestation()}
		if _, err := r.Client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment, nil); err != nil {
			return err
		}
		r.Say("enrolled")
		<-ctx.Done()
		return r.Finish(ctx, func(context.Context) error { panic("an interrupt starts no step") })
	}}.Main()
}

func TestMain_cleansUpWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]os.Signal{"SIGINT": os.Interrupt, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, variables := realService(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, os.Args[0])
			command.Env = append(os.Environ(), asProgram+"=1")
			for name, value := range variables {
				command.Env = append(command.Env, name+"="+value)
			}
			var stderr bytes.Buffer
			command.Stderr = &stderr
			stdout, err := command.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())

			var printed strings.Builder
			for lines := bufio.NewScanner(stdout); lines.Scan(); {
				printed.WriteString(lines.Text() + "\n")
				if strings.HasSuffix(lines.Text(), "enrolled") {
					var state strings.Builder
					require.NoError(t, server.Dump(&state))
					assert.Contains(t, state.String(), `-device"`)
					require.NoError(t, command.Process.Signal(signal))
				}
			}
			require.Error(t, command.Wait())
			assert.Equal(t, 1, command.ProcessState.ExitCode())
			assert.Equal(t, "waits: interrupted: context canceled\n", stderr.String())
			assert.Contains(t, printed.String(), "deleted 1 record\n")
			var state strings.Builder
			require.NoError(t, server.Dump(&state))
			assert.Empty(t, state.String())
		})
	}
}
