package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/exampletest"
)

// The set-up is five lines.
func TestOnboarder(t *testing.T) {
	server := dpstest.NewServer(nil)
	t.Cleanup(server.Close)
	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	require.NoError(t, err)

	onboarder := NewOnboarder(client.IndividualEnrollments())
	device, err := onboarder.Onboard(t.Context(), "pump-1")
	require.NoError(t, err)
	assert.Equal(t, "pump-1", device.ID)

	mechanism, err := client.IndividualEnrollments().GetAttestationMechanism(t.Context(), "pump-1", nil)
	require.NoError(t, err)
	assert.Equal(t, device.Key, mechanism.SymmetricKey.PrimaryKey)

	_, err = onboarder.Onboard(t.Context(), "pump-1")
	require.ErrorIs(t, err, ErrTaken)

	hub, err := onboarder.Hub(t.Context(), "pump-1")
	require.NoError(t, err)
	assert.Empty(t, hub, "the device has not registered")

	require.NoError(t, onboarder.Offboard(t.Context(), "pump-1"))
	require.NoError(t, onboarder.Offboard(t.Context(), "pump-1"), "it may be done twice")
}

// A fault is one line. In a bubble of synctest, with a server that has no socket, a wait of 30 seconds takes no time.
func TestOnboarder_throttled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, onboarder := inMemory(t)
		server.Control(dpstest.Throttle(30*time.Second), nil)

		start := time.Now()
		_, err := onboarder.Onboard(t.Context(), "pump-1")
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
		assert.Len(t, server.Requests(), 2)
	})
}

// The answer to the write is lost, and its retry is told that the device exists. It is the portal's own.
func TestOnboarder_answerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, onboarder := inMemory(t)
		server.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate})

		device, err := onboarder.Onboard(t.Context(), "pump-1")
		require.NoError(t, err)
		assert.Equal(t, "pump-1", device.ID)
	})
}

// The device was onboard before, and the answer that says so is lost. The retry must not take it for the portal's own.
func TestOnboarder_answerIsLostOfTakenDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, onboarder := inMemory(t)
		_, err := onboarder.Onboard(t.Context(), "pump-1")
		require.NoError(t, err)
		server.Control(dpstest.DropResponse(), &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentCreateOrUpdate})

		_, err = onboarder.Onboard(t.Context(), "pump-1")
		require.ErrorIs(t, err, ErrTaken)
	})
}

func TestProgram(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := exampletest.New(program)
		defer stage.Server.Close()
		require.NoError(t, stage.Run(t.Context()))
		assert.Contains(t, stage.Output(), "-pump has a key of 44 characters, not shown")
		assert.Contains(t, stage.Output(), ErrTaken.Error())
		assert.Contains(t, stage.Held(), `"portalTicket"`)
		assert.Empty(t, stage.Left())
		assert.Empty(t, stage.Printed())
	})
}

func TestProgram_cleansUpWhateverHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { require.NoError(t, exampletest.Sweep(t.Context(), program)) })
}

// inMemory is an Onboarder with a server that has no socket.
func inMemory(t *testing.T) (*dpstest.Server, *Onboarder) {
	t.Helper()
	server := dpstest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	options := &azdps.ClientOptions{}
	options.Transport = server.Transport()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
	require.NoError(t, err)
	return server, NewOnboarder(client.IndividualEnrollments())
}

// fake is a service by hand, for what no server has to be there for. Methods that a test does not set are those of the interface,
// which is nil: calling one ends the test.
type fake struct {
	Enrollments
	enrollment azdps.IndividualEnrollment
	err        error
}

func (f *fake) Get(context.Context, string, *azdps.IndividualEnrollmentsClientGetOptions) (azdps.IndividualEnrollmentsClientGetResponse, error) {
	return azdps.IndividualEnrollmentsClientGetResponse{IndividualEnrollment: f.enrollment}, f.err
}

func TestOnboarder_hub(t *testing.T) {
	registered := azdps.IndividualEnrollment{
		RegistrationState: &azdps.DeviceRegistrationState{AssignedHub: "my-hub.azure-devices.net"},
	}
	hub, err := NewOnboarder(&fake{enrollment: registered}).Hub(t.Context(), "pump-1")
	require.NoError(t, err)
	assert.Equal(t, "my-hub.azure-devices.net", hub)

	errDown := errors.New("no network")
	_, err = NewOnboarder(&fake{err: errDown}).Hub(t.Context(), "pump-1")
	require.ErrorIs(t, err, errDown)
}
