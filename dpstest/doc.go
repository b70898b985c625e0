// Package dpstest is a Device Provisioning Service in memory, for tests, examples and demos.
//
// It serves the service API of the Azure IoT Hub Device Provisioning Service: individual enrollments, enrollment groups
// and registration states, with real authentication, etags, paging, bulk operations, limits and errors. Any client that
// speaks to the service speaks to it, in any language. It is not made by Microsoft.
//
// # A server
//
// [NewServer] listens on the loopback interface with TLS, under a certificate authority of its own:
//
//	srv := dpstest.NewServer(nil)
//	defer srv.Close()
//	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(srv.ConnectionString(),
//		&azdps.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: srv.Client()}})
//
// [Server.Credential] stands in for Microsoft Entra ID, and [Server.CertificatePEM] lets other processes trust it.
//
// # Without a socket
//
// [NewUnstartedServer] opens nothing. [Server.Transport] is an HTTP client that reaches it, or a started one, by a
// function call, whatever the host of the URL. Nothing runs in the background, so that works in a bubble of
// testing/synctest, where an hour of retries takes a moment:
//
//	synctest.Test(t, func(t *testing.T) {
//		srv := dpstest.NewUnstartedServer(nil)
//		srv.Control(dpstest.Throttle(30*time.Second), nil)
//		// a client with Transport: srv.Transport() waits 30 seconds of virtual time
//	})
//
// # Faults
//
// [Server.Control] puts a [Fault] before the next request that matches. A fault is a middleware: it may answer, change,
// delay or drop the request, or let it pass. This one writes what the service never would:
//
//	srv.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
//		w.Header().Set("Content-Type", "text/html")
//		w.WriteHeader(http.StatusBadGateway)
//		io.WriteString(w, "<html>Bad Gateway</html>")
//	}, &dpstest.ControlOptions{Operation: dpstest.OperationIndividualEnrollmentGet})
//
// [Respond], [Throttle], [Delay], [DelayBody], [DropRequest], [DropResponse], [Truncate], [EmptyPage] and [RepeatToken]
// are ready.
//
// # State
//
// [Server.Load] and [Server.Dump] move the state in and out as JSON, one record a line, and are the way to give a
// server registration states, which the service API cannot create. [Server.Requests] tells what arrived, without
// credentials and keys.
//
// # Fidelity
//
// The server answers as the service is recorded to answer. Where there is no recording or documentation, it does what
// seems most natural, and the comments of the handlers say "Inferred:". Do not rely on those, nor on the order of
// queries, which is neither that of ids nor of time, as in the service.
package dpstest
