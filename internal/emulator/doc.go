// Package emulator is the Device Provisioning Service as an [http.Handler] over a store in memory.
//
// It knows requests, records and a clock. It opens no socket, speaks no TLS and makes no faults: package dpstest puts
// those around it. It describes the wire on its own, and never imports the client it helps to test, so that a mistake
// in one of the two shows in the other.
//
// Where recordings or documentation of the service say how it answers, the handler answers so. Where they do not, the
// comment at the place says "Inferred:" and what was chosen.
//
//   - routes.go says which request is which operation, handler.go runs the checks that all of them share.
//   - enrollments.go serves individual enrollments and enrollment groups, which differ only in what a collection lists;
//     bulk.go, query.go and registrations.go serve the rest.
//   - device.go serves the device API; device_auth.go and device_x509.go find out who a device is, register.go registers
//     it, allocation.go and webhook.go choose its hub, hub.go is what that hub has, issuance.go signs its certificate.
//   - models.go is the wire, validation.go and attestation.go are what the service makes of a record that it is sent.
//   - store.go and index.go hold the records, state.go reads and writes them as lines of JSON.
package emulator
