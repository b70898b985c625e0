/*
Package dpstest is a Device Provisioning Service in memory, for tests, examples and demos.

It serves the service API of the Azure IoT Hub Device Provisioning Service: individual enrollments, enrollment groups and registration
states, with real authentication, ETags, paging, bulk operations, limits and errors; and the device API, over which devices
register. Any client that speaks to the service over HTTPS speaks to it, in any language. It is not made by Microsoft.

# Start

[NewServer] listens on the loopback interface with TLS, under a certificate authority of its own. A client needs the connection string
and an HTTP client that trusts the server:

	server := dpstest.NewServer(nil)
	defer server.Close()

	options := &azdps.ClientOptions{}
	options.Transport = server.Client()
	client, err := azdps.NewDeviceProvisioningClientFromConnectionString(server.ConnectionString(), options)

[Server.Credential] stands in for a credential of Microsoft Entra ID. [Server.CertificatePEM] lets other processes trust the server, and
the program examples/emulator of this module is a server for them. The fields of [Options] give it other access policies, linked IoT
hubs, CA certificates, limits and a clock.

# Virtual time

[NewUnstartedServer] opens nothing. [Server.Transport] is an HTTP client that reaches it, or a started one, by a function call, whatever
the host of the URL. Nothing runs in the background, so that works in a bubble of testing/synctest, where an hour of retries takes a
moment. Here lockOut is the code under test:

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

A socket cannot be used in a bubble: do not call [Server.Start] there. Outside of one, [Options.Clock] moves the time of the server alone:
its dates, the ends of signatures and tokens, and the minutes of its limits.

# Faults

[Server.Control] puts a [Fault] before the next request that matches; [ControlOptions] say which do, and how many. These are ready:

	Respond        an error of any status and code, in the service's form
	Throttle       429, with a Retry-After or without
	Delay          time before the service sees the request
	DelayBody      time between the headers of the answer and its body
	DropRequest    the connection breaks before the service sees the request
	DropResponse   the service does its work, and the connection breaks before the answer
	Truncate       the connection breaks within the body of the answer
	EmptyPage      a page of a list without items, although more follow
	RepeatToken    a page of a list that leads back to itself

A fault is a middleware, so code of your own can answer, change, delay or drop the request, or let it pass. This one answers what
the service never would:

	server.Control(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
	}, nil)

[Options.OperationsPerMinute] throttles as the service does, by count, and [Server.SetPolicies] takes a key or a permission away from
clients that are running.

# What the server holds and got

[Server.Load] and [Server.Dump] move the state in and out as JSON, one record a line, with keys and certificates. Load is the short way to
give a server registration states, which otherwise only devices create:

	{"enrollmentGroupId":"line-1","attestation":{"type":"symmetricKey"}}
	{"registrationId":"pump-1","enrollmentGroupId":"line-1","status":"assigned","assignedHub":"my-hub.azure-devices.net","deviceId":"pump-1"}

[Server.Requests] tells what arrived, without credentials and keys, and how it was answered.

# Devices

A device registers at [Server.DeviceURL] with [Server.IDScope], by symmetric key, X.509 certificate or TPM. What its enrollment says
then happens at once: it is assigned to one of [Options.Hubs], or a webhook is asked where to. The service API shows the registration,
and [Server.HubDevice] what the IoT hub would have of it: the device id, keys or thumbprints, and the initial twin.

A device shows its certificate in the TLS handshake, or without a socket by [Server.DeviceTransport]. It signs with its key as
[azdps.GenerateSASToken] does; [azdps.DeriveDeviceKey] makes that of a device of a group.

# Limits of fidelity

The server answers as the service is recorded to answer. Where there is no recording or documentation, it does what seems most natural,
and the comments of the handlers say "Inferred:". Do not rely on those, nor on the order of queries, which is neither that of ids nor of
time, as in the service. [FIDELITY.md] has a row for each behaviour, with its evidence.

These things are not there, or are simpler:

  - Hubs are names: nothing is sent to them.
  - What a TPM is challenged with is not encrypted for it, so its endorsement key alone lets a device in.
  - Devices cannot speak MQTT or AMQP here. How often a device asks is not limited.
  - A token of [Server.Credential] has every permission: roles of Entra ID are not modelled.
  - There is no latency, and no delay between a write and a read, unless a fault makes one.
  - All is in memory, and gone when the process ends. [Server.Dump] keeps it.

[azdps.GenerateSASToken]: https://pkg.go.dev/github.com/azdps/azdps#GenerateSASToken
[azdps.DeriveDeviceKey]: https://pkg.go.dev/github.com/azdps/azdps#DeriveDeviceKey
[FIDELITY.md]: https://github.com/azdps/azdps/blob/main/dpstest/FIDELITY.md
*/
package dpstest
