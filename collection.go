package azdps

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// collection is what individual enrollments and enrollment groups have in common, which is all but their records.
type collection[T any] struct {
	service   *service
	client    string // the name of the client type, for spans
	path      string
	parameter string // the name of a record among the parameters of the client's methods
	idField   string // the field of the record with its id
	idName    string // the name of an id among the parameters
	bulkName  string // the member of a bulk operation that holds the records
	view      func(*T) view
}

// view gives the shared code the members of a record that it needs, of either kind.
type view struct {
	id          string
	attestation *AttestationMechanism
	etag        *azcore.ETag
	created     *time.Time
	updated     *time.Time
	state       **DeviceRegistrationState // nil for a group
}

func newEnrollments(s *service) *collection[IndividualEnrollment] {
	return &collection[IndividualEnrollment]{
		service: s, client: "IndividualEnrollmentsClient", path: "/enrollments",
		parameter: "enrollment", idField: "RegistrationID", idName: "registrationID", bulkName: "enrollments",
		view: func(e *IndividualEnrollment) view {
			return view{
				e.RegistrationID, &e.Attestation, &e.ETag, &e.CreatedDateTimeUTC, &e.LastUpdatedDateTimeUTC, &e.RegistrationState,
			}
		},
	}
}

func newGroups(s *service) *collection[EnrollmentGroup] {
	return &collection[EnrollmentGroup]{
		service: s, client: "EnrollmentGroupsClient", path: "/enrollmentGroups",
		parameter: "group", idField: "EnrollmentGroupID", idName: "enrollmentGroupID", bulkName: "enrollmentGroups",
		view: func(g *EnrollmentGroup) view {
			return view{
				g.EnrollmentGroupID, &g.Attestation, &g.ETag, &g.CreatedDateTimeUTC, &g.LastUpdatedDateTimeUTC, nil,
			}
		},
	}
}

func (c *collection[T]) get(ctx context.Context, id string) (T, error) {
	if err := checkID(c.idName, id); err != nil {
		return *new(T), err
	}
	return c.one(ctx, id, operation{name: c.client + ".Get", method: http.MethodGet, path: itemPath(c.path, id)})
}

// one sends an operation that answers with the record of an id.
func (c *collection[T]) one(ctx context.Context, id string, op operation) (T, error) {
	var record T
	err := c.service.do(ctx, op, func(body []byte) error {
		err := decodeAnswer(body, &record)
		if err == nil && !strings.EqualFold(c.view(&record).id, id) {
			return notTheRecord(c.idField)
		}
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return record, nil
}

func (c *collection[T]) createOrUpdate(ctx context.Context, record T, ifMatch *azcore.ETag) (T, error) {
	if member, problem := c.problem(&record); problem != "" {
		return *new(T), invalid(c.parameter+member, "%s", problem)
	}
	if err := checkETag(ifMatch); err != nil {
		return *new(T), err
	}
	body, err := c.appendJSON(make([]byte, 0, recordRoom), &record, "")
	if err != nil {
		return *new(T), invalid(c.parameter, "cannot be written as JSON: %w", err)
	}
	id := c.view(&record).id
	return c.one(ctx, id, operation{
		name: c.client + ".CreateOrUpdate", method: http.MethodPut, path: itemPath(c.path, id),
		body: body, ifMatch: ifMatch, write: new(write),
	})
}

// problem returns the member that is why a record cannot be written, and what is wrong with it.
func (c *collection[T]) problem(record *T) (member, problem string) {
	v := c.view(record)
	if problem := idProblem(v.id); problem != "" {
		return "." + c.idField, problem
	}
	if member, problem := v.attestation.problem(); problem != "" {
		return ".Attestation" + member, problem
	}
	return "", ""
}

// recordRoom is the room for the JSON of one record; an enrollment with its keys takes as much.
const recordRoom = 512

// appendJSON appends what is sent of a record: all but the members that only the service writes. It changes the record, which is a
// copy of the caller's.
func (c *collection[T]) appendJSON(b []byte, record *T, etag azcore.ETag) ([]byte, error) {
	v := c.view(record)
	*v.etag, *v.created, *v.updated = etag, time.Time{}, time.Time{}
	if v.state != nil {
		*v.state = nil
	}
	v.attestation.X509 = v.attestation.X509.outgoing()
	return encode(b, record)
}

// outgoing leaves out the info beside a certificate, and a reference to nothing.
func (x *X509Attestation) outgoing() *X509Attestation {
	if x == nil {
		return nil
	}
	sent := *x
	sent.ClientCertificates = x.ClientCertificates.outgoing()
	sent.SigningCertificates = x.SigningCertificates.outgoing()
	if x.CAReferences.isEmpty() {
		sent.CAReferences = nil
	}
	return &sent
}

func (c *X509Certificates) outgoing() *X509Certificates {
	if c == nil {
		return nil
	}
	sent := *c
	for _, certificate := range []**X509CertificateWithInfo{&sent.Primary, &sent.Secondary} {
		if *certificate != nil && (*certificate).Certificate != "" && (*certificate).Info != nil {
			withoutInfo := **certificate
			withoutInfo.Info = nil
			*certificate = &withoutInfo
		}
	}
	return &sent
}

// delete removes a record of any kind.
func (s *service) delete(ctx context.Context, name, path string, ifMatch *azcore.ETag) error {
	if err := checkETag(ifMatch); err != nil {
		return err
	}
	op := operation{name: name, method: http.MethodDelete, path: path, ifMatch: ifMatch, write: new(write)}
	return s.do(ctx, op, decodeNothing)
}

// decodeNothing takes the answer to a delete, which has no body. What says something else is not the service.
func decodeNothing(body []byte) error {
	if len(bytes.TrimSpace(body)) > 0 {
		return errors.New("it has a body, which the answer to a deletion has not")
	}
	return nil
}

func (c *collection[T]) delete(ctx context.Context, id string, ifMatch *azcore.ETag) error {
	if err := checkID(c.idName, id); err != nil {
		return err
	}
	return c.service.delete(ctx, c.client+".Delete", itemPath(c.path, id), ifMatch)
}

func (c *collection[T]) attestationMechanism(ctx context.Context, id string) (AttestationMechanism, error) {
	if err := checkID(c.idName, id); err != nil {
		return AttestationMechanism{}, err
	}
	var mechanism AttestationMechanism
	err := c.service.do(ctx, operation{
		name: c.client + ".GetAttestationMechanism", method: http.MethodPost, path: itemPath(c.path, id) + "/attestationmechanism",
	}, func(body []byte) error {
		err := decodeAnswer(body, &mechanism)
		if err == nil && mechanism.Type == "" {
			return errors.New("it has no type")
		}
		return err
	})
	if err != nil {
		return AttestationMechanism{}, err
	}
	return mechanism, nil
}

// querySpecification is the body of a query.
type querySpecification struct {
	Query string `json:"query"`
}

// query checks the options of a list and makes its request.
func (c *collection[T]) query(text, continuationToken string, pageSize int32) query[T] {
	if text == "" {
		text = "SELECT *"
	}
	first, err := newPage(continuationToken, pageSize)
	body, marshalError := encode(nil, &querySpecification{text})
	if err == nil && marshalError != nil {
		err = invalid("options.Query", "cannot be written as JSON: %w", marshalError)
	}
	return query[T]{
		service: c.service, name: c.client + ".NewQueryPager", path: c.path + "/query", body: body, page: first, invalid: err,
	}
}
