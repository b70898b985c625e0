package dpstest

import (
	"fmt"
	"io"
)

// Load adds records, one JSON object a line as [Server.Dump] writes them. A record replaces the one that has its id. At
// a line that it cannot take it returns an error that names the line, and keeps the records before it.
//
// A line is an object of the service API, complete with what the API never returns:
//
//   - With an attestation and a registrationId it is an individual enrollment, with an attestation and an
//     enrollmentGroupId an enrollment group. Symmetric keys stand in the attestation. A certificate is the base64 of its
//     DER in Dump, and may be PEM in Load; it may be left out if its info is there. The members of every api-version count.
//   - Without an attestation it is a registration state, with the enrollmentGroupId of the group that its device came
//     through if there was one. Its status is unassigned, assigning, assigned, failed or disabled. Of a device that
//     registered, Dump adds its last operation, its issued certificates, and the [HubDevice] as hubDevice, with keys.
//
// Load keeps etag, createdDateTimeUtc and lastUpdatedDateTimeUtc where a line has them, and makes them, and symmetric
// keys, where it has not. The quotas of the service hold here, too; blank lines do not count.
//
//	{"registrationId":"device-1","attestation":{"type":"symmetricKey"}}
//	{"enrollmentGroupId":"line-1","attestation":{"type":"symmetricKey"},"provisioningStatus":"disabled"}
//	{"registrationId":"device-2","enrollmentGroupId":"line-1","assignedHub":"hub.azure-devices.net","deviceId":"device-2","status":"assigned","substatus":"initialAssignment"}
func (s *Server) Load(r io.Reader) error {
	if err := s.service.Load(r); err != nil {
		return fmt.Errorf("dpstest: %w", err)
	}
	return nil
}

// Dump writes everything the server holds, one JSON object a line in the format that [Server.Load] describes, with keys
// and certificates: first individual enrollments, then groups, then registration states. A server that loads it into
// nothing equals this one, the order of its queries included.
func (s *Server) Dump(w io.Writer) error {
	if err := s.service.Dump(w); err != nil {
		return fmt.Errorf("dpstest: %w", err)
	}
	return nil
}
