// Package dpstest is a Device Provisioning Service in memory, for tests, examples and demos.
//
// It serves the service API of the Azure IoT Hub Device Provisioning Service: individual enrollments, enrollment groups
// and registration states, with real authentication, etags, paging, bulk operations, limits and errors; and the device
// API, over which devices register. Any client that speaks to the service over HTTPS speaks to it, in any language. It is
// not made by Microsoft.
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
// # Devices
//
// A device registers at [Server.DeviceURL] with [Server.IDScope], by symmetric key, X.509 certificate or TPM. What its
// enrollment says then happens at once: it is assigned to one of [Options.Hubs], or a webhook is asked where to. The
// service API shows the registration, and [Server.HubDevice] what the IoT hub would have of it.
//
// A device shows its certificate in the TLS handshake, or without a socket by [Server.DeviceTransport].
//
// What a TPM is challenged with is not encrypted for it, so its endorsement key alone lets a device in. Hubs are names:
// nothing is sent to them. How often a device asks is not limited. Devices cannot speak MQTT or AMQP here.
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
// [Server.Load] and [Server.Dump] move the state in and out as JSON, one record a line, and are the short way to give a
// server registration states, which otherwise only devices create. [Server.Requests] tells what arrived, without
// credentials and keys.
//
// # Fidelity
//
// The server answers as the service is recorded to answer. Where there is no recording or documentation, it does what
// seems most natural, and the comments of the handlers say "Inferred:". Do not rely on those, nor on the order of
// queries, which is neither that of ids nor of time, as in the service.
package dpstest
