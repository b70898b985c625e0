package dpstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// This is the test of the package's documentation, of the code in its first example.
func TestLockOut_waitsAsItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := dpstest.NewUnstartedServer(nil)
		t.Cleanup(server.Close)
		server.Control(dpstest.Throttle(30*time.Second), nil)
		options := &azdps.ClientOptions{}
		options.Transport = server.Transport()
		client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)
		require.NoError(t, err)

		start := time.Now()
		require.NoError(t, lockOut(t.Context(), client, "device-1"))
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}
