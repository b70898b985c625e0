package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// Operation is the operationId of a request in the service's specification.
type Operation string

// The operations of the service API.
const (
	IndividualEnrollmentGet                     Operation = "IndividualEnrollment_Get"
	IndividualEnrollmentCreateOrUpdate          Operation = "IndividualEnrollment_CreateOrUpdate"
	IndividualEnrollmentDelete                  Operation = "IndividualEnrollment_Delete"
	IndividualEnrollmentQuery                   Operation = "IndividualEnrollment_Query"
	IndividualEnrollmentGetAttestationMechanism Operation = "IndividualEnrollment_GetAttestationMechanism"
	IndividualEnrollmentRunBulkOperation        Operation = "IndividualEnrollment_RunBulkOperation"
	EnrollmentGroupGet                          Operation = "EnrollmentGroup_Get"
	EnrollmentGroupCreateOrUpdate               Operation = "EnrollmentGroup_CreateOrUpdate"
	EnrollmentGroupDelete                       Operation = "EnrollmentGroup_Delete"
	EnrollmentGroupQuery                        Operation = "EnrollmentGroup_Query"
	EnrollmentGroupGetAttestationMechanism      Operation = "EnrollmentGroup_GetAttestationMechanism"
	EnrollmentGroupRunBulkOperation             Operation = "EnrollmentGroup_RunBulkOperation"
	DeviceRegistrationStateGet                  Operation = "DeviceRegistrationState_Get"
	DeviceRegistrationStateDelete               Operation = "DeviceRegistrationState_Delete"
	DeviceRegistrationStateQuery                Operation = "DeviceRegistrationState_Query"
)

// The operations of the device API.
const (
	RuntimeRegistrationRegisterDevice        Operation = "RuntimeRegistration_RegisterDevice"
	RuntimeRegistrationOperationStatusLookup Operation = "RuntimeRegistration_OperationStatusLookup"
	RuntimeRegistrationDeviceStatusLookup    Operation = "RuntimeRegistration_DeviceRegistrationStatusLookup"
)

// Permission is a right of a shared access policy.
type Permission string

// The permissions of shared access policies. No operation of the service API needs ServiceConfig.
const (
	EnrollmentRead          Permission = "EnrollmentRead"
	EnrollmentWrite         Permission = "EnrollmentWrite"
	RegistrationStatusRead  Permission = "RegistrationStatusRead"
	RegistrationStatusWrite Permission = "RegistrationStatusWrite"
	ServiceConfig           Permission = "ServiceConfig"
)

// route is the request of an operation. In its path, a name in braces stands for any segment. An operation without a
// permission is for devices, which prove who they are in other ways.
type route struct {
	operation  Operation
	method     string
	path       []string
	permission Permission
}

// target is what the path of a request names.
type target struct {
	scope, id, operationID string
}

// routes are the requests that the service knows, fixed segments before ids.
//
// Inferred: which permission an operation needs. The attestation mechanism shows keys that reads hide, so reading
// alone is not enough for it.
var routes = []route{
	newRoute(IndividualEnrollmentQuery, "POST /enrollments/query", EnrollmentRead),
	newRoute(IndividualEnrollmentRunBulkOperation, "POST /enrollments", EnrollmentWrite),
	newRoute(IndividualEnrollmentGet, "GET /enrollments/{id}", EnrollmentRead),
	newRoute(IndividualEnrollmentCreateOrUpdate, "PUT /enrollments/{id}", EnrollmentWrite),
	newRoute(IndividualEnrollmentDelete, "DELETE /enrollments/{id}", EnrollmentWrite),
	newRoute(IndividualEnrollmentGetAttestationMechanism, "POST /enrollments/{id}/attestationmechanism", EnrollmentWrite),
	newRoute(EnrollmentGroupQuery, "POST /enrollmentGroups/query", EnrollmentRead),
	newRoute(EnrollmentGroupRunBulkOperation, "POST /enrollmentGroups", EnrollmentWrite),
	newRoute(EnrollmentGroupGet, "GET /enrollmentGroups/{id}", EnrollmentRead),
	newRoute(EnrollmentGroupCreateOrUpdate, "PUT /enrollmentGroups/{id}", EnrollmentWrite),
	newRoute(EnrollmentGroupDelete, "DELETE /enrollmentGroups/{id}", EnrollmentWrite),
	newRoute(EnrollmentGroupGetAttestationMechanism, "POST /enrollmentGroups/{id}/attestationmechanism", EnrollmentWrite),
	newRoute(DeviceRegistrationStateGet, "GET /registrations/{id}", RegistrationStatusRead),
	newRoute(DeviceRegistrationStateDelete, "DELETE /registrations/{id}", RegistrationStatusWrite),
	newRoute(DeviceRegistrationStateQuery, "POST /registrations/{id}/query", RegistrationStatusRead),
	newRoute(RuntimeRegistrationRegisterDevice, "PUT /{scope}/registrations/{id}/register", ""),
	newRoute(RuntimeRegistrationOperationStatusLookup, "GET /{scope}/registrations/{id}/operations/{operation}", ""),
	newRoute(RuntimeRegistrationDeviceStatusLookup, "POST /{scope}/registrations/{id}", ""),
}

func newRoute(operation Operation, pattern string, permission Permission) route {
	method, path, _ := strings.Cut(pattern, " /")
	return route{operation, method, strings.Split(path, "/"), permission}
}

// Match returns the operation of a request and the id in its path; both are empty if there is none.
func Match(r *http.Request) (Operation, string) {
	found, target, err := match(r)
	if err != nil {
		return "", ""
	}
	return found.operation, target.id
}

// match finds the route of a request. Fixed segments match without case, and a slash at the end changes nothing.
//
// Inferred: the codes and texts. The documentation has 405 for a path that lacks its id, too.
func match(r *http.Request) (*route, target, *Error) {
	path, err := segments(r.URL)
	if err != nil {
		return nil, target{}, invalid("The path is not valid: %v.", err)
	}
	var allowed []string
	for i := range routes {
		target, ok := routes[i].match(path)
		switch {
		case !ok:
		case routes[i].method == r.Method:
			return &routes[i], target, nil
		default:
			allowed = append(allowed, routes[i].method)
		}
	}
	if len(allowed) > 0 || len(path) == 1 && strings.EqualFold(path[0], "registrations") {
		return nil, target{}, &Error{
			Status:  http.StatusMethodNotAllowed,
			Code:    405000,
			Message: "The path " + r.URL.Path + " does not take " + r.Method + ".",
			Header:  http.Header{"Allow": {strings.Join(allowed, ", ")}},
		}
	}
	return nil, target{}, &Error{Status: http.StatusNotFound, Code: 404000, Message: "No operation of the service has the path " + r.URL.Path + "."}
}

// segments splits the path before it unescapes it, so that an escaped slash stays within an id.
func segments(u *url.URL) ([]string, error) {
	path := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, segment := range path {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, err
		}
		path[i] = plain
	}
	return path, nil
}

func (t *route) match(path []string) (named target, ok bool) {
	if len(path) != len(t.path) {
		return target{}, false
	}
	for i, segment := range t.path {
		switch {
		case segment == "{scope}":
			named.scope = path[i]
		case segment == "{id}":
			named.id = path[i]
		case segment == "{operation}":
			named.operationID = path[i]
		case !strings.EqualFold(segment, path[i]):
			return target{}, false
		}
	}
	return named, true
}
