package main

import (
	"context"
	"iter"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/fleet"
)

// collection is what individual enrollments and groups have in common: the methods of their clients.
type collection[T fleet.Record] struct {
	name      string
	get       func(ctx context.Context, id string) (T, error)
	put       func(ctx context.Context, record T, ifMatch *azcore.ETag) (T, error)
	update    func(ctx context.Context, id string, change func(*T) error) (T, error)
	remove    func(ctx context.Context, id string, ifMatch *azcore.ETag) error
	mechanism func(ctx context.Context, id string) (azdps.AttestationMechanism, error)
	bulk      func(ctx context.Context, mode azdps.BulkOperationMode, records []T) error
	pages     func(ctx context.Context, size int32, token string) iter.Seq2[page[T], error]
	all       func(ctx context.Context, size int32) iter.Seq2[T, error]
}

// page is a page of a list.
type page[T any] struct {
	items []T
	next  string
}

func individualsOf(client *azdps.DeviceProvisioningClient) collection[azdps.IndividualEnrollment] {
	c := client.IndividualEnrollments()
	return collection[azdps.IndividualEnrollment]{
		name: "IndividualEnrollments",
		get: func(ctx context.Context, id string) (azdps.IndividualEnrollment, error) {
			answer, err := c.Get(ctx, id, nil)
			return answer.IndividualEnrollment, err
		},
		put: func(ctx context.Context, record azdps.IndividualEnrollment, ifMatch *azcore.ETag) (azdps.IndividualEnrollment, error) {
			answer, err := c.CreateOrUpdate(ctx, record, &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: ifMatch})
			return answer.IndividualEnrollment, err
		},
		update: func(ctx context.Context, id string, change func(*azdps.IndividualEnrollment) error) (azdps.IndividualEnrollment, error) {
			answer, err := c.Update(ctx, id, change, nil)
			return answer.IndividualEnrollment, err
		},
		remove: func(ctx context.Context, id string, ifMatch *azcore.ETag) error {
			_, err := c.Delete(ctx, id, &azdps.IndividualEnrollmentsClientDeleteOptions{IfMatch: ifMatch})
			return err
		},
		mechanism: func(ctx context.Context, id string) (azdps.AttestationMechanism, error) {
			answer, err := c.GetAttestationMechanism(ctx, id, nil)
			return answer.AttestationMechanism, err
		},
		bulk: func(ctx context.Context, mode azdps.BulkOperationMode, records []azdps.IndividualEnrollment) error {
			_, err := c.RunBulkOperation(ctx, mode, records, nil)
			return err
		},
		pages: func(ctx context.Context, size int32, token string) iter.Seq2[page[azdps.IndividualEnrollment], error] {
			pager := c.NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{PageSize: size, ContinuationToken: token})
			return pagesOf(pager.More, func() (page[azdps.IndividualEnrollment], error) {
				answer, err := pager.NextPage(ctx)
				return page[azdps.IndividualEnrollment]{answer.Items, answer.ContinuationToken}, err
			})
		},
		all: func(ctx context.Context, size int32) iter.Seq2[azdps.IndividualEnrollment, error] {
			return c.All(ctx, &azdps.IndividualEnrollmentsClientAllOptions{PageSize: size})
		},
	}
}

func groupsOf(client *azdps.DeviceProvisioningClient) collection[azdps.EnrollmentGroup] {
	c := client.EnrollmentGroups()
	return collection[azdps.EnrollmentGroup]{
		name: "EnrollmentGroups",
		get: func(ctx context.Context, id string) (azdps.EnrollmentGroup, error) {
			answer, err := c.Get(ctx, id, nil)
			return answer.EnrollmentGroup, err
		},
		put: func(ctx context.Context, record azdps.EnrollmentGroup, ifMatch *azcore.ETag) (azdps.EnrollmentGroup, error) {
			answer, err := c.CreateOrUpdate(ctx, record, &azdps.EnrollmentGroupsClientCreateOrUpdateOptions{IfMatch: ifMatch})
			return answer.EnrollmentGroup, err
		},
		update: func(ctx context.Context, id string, change func(*azdps.EnrollmentGroup) error) (azdps.EnrollmentGroup, error) {
			answer, err := c.Update(ctx, id, change, nil)
			return answer.EnrollmentGroup, err
		},
		remove: func(ctx context.Context, id string, ifMatch *azcore.ETag) error {
			_, err := c.Delete(ctx, id, &azdps.EnrollmentGroupsClientDeleteOptions{IfMatch: ifMatch})
			return err
		},
		mechanism: func(ctx context.Context, id string) (azdps.AttestationMechanism, error) {
			answer, err := c.GetAttestationMechanism(ctx, id, nil)
			return answer.AttestationMechanism, err
		},
		bulk: func(ctx context.Context, mode azdps.BulkOperationMode, records []azdps.EnrollmentGroup) error {
			_, err := c.RunBulkOperation(ctx, mode, records, nil)
			return err
		},
		pages: func(ctx context.Context, size int32, token string) iter.Seq2[page[azdps.EnrollmentGroup], error] {
			pager := c.NewQueryPager(&azdps.EnrollmentGroupsClientQueryOptions{PageSize: size, ContinuationToken: token})
			return pagesOf(pager.More, func() (page[azdps.EnrollmentGroup], error) {
				answer, err := pager.NextPage(ctx)
				return page[azdps.EnrollmentGroup]{answer.Items, answer.ContinuationToken}, err
			})
		},
		all: func(ctx context.Context, size int32) iter.Seq2[azdps.EnrollmentGroup, error] {
			return c.All(ctx, &azdps.EnrollmentGroupsClientAllOptions{PageSize: size})
		},
	}
}

// pagesOf iterates over a pager. A page that fails is asked for again, up to three times: a pager stands where it was.
func pagesOf[T any](more func() bool, next func() (page[T], error)) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		for more() {
			got, err := next()
			for again := 0; err != nil && again < 3; again++ {
				got, err = next()
			}
			if !yield(got, err) || err != nil {
				return
			}
		}
	}
}

// read gives the shape of a record with its keys, as the service holds it, and whether there is one.
func (c collection[T]) read(ctx context.Context, id string) (shape, bool, error) {
	record, err := c.get(ctx, id)
	if azdps.HasStatusCode(err, http.StatusNotFound) {
		return shape{}, false, nil
	}
	if err != nil {
		return shape{}, false, err
	}
	p := partsOf(&record)
	if p.attestation.Type == azdps.AttestationTypeSymmetricKey {
		mechanism, err := c.mechanism(ctx, id)
		if err != nil {
			return shape{}, false, err
		}
		*p.attestation = mechanism
	}
	return shapeOf(record), true, nil
}
