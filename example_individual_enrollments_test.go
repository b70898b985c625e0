package azdps_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/azdps/azdps"
)

func ExampleIndividualEnrollmentsClient_Get() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(enrollment.RegistrationID, enrollment.Attestation.Type)
	if state := enrollment.RegistrationState; state != nil {
		fmt.Println("the device is", state.Status)
	}
	// Output:
	// device-1 symmetricKey
	// the device is unassigned
}

func ExampleIndividualEnrollmentsClient_CreateOrUpdate() {
	ctx := context.Background()
	client := exampleClient()

	created, err := client.IndividualEnrollments().CreateOrUpdate(ctx, azdps.IndividualEnrollment{
		RegistrationID: "device-1",
		Attestation:    azdps.NewGeneratedKeyAttestation(), // the service makes the keys
		InitialTwin: &azdps.InitialTwin{
			Tags:       azdps.TwinCollection{"building": "43"},
			Properties: &azdps.InitialTwinProperties{Desired: azdps.TwinCollection{"telemetrySeconds": 30}},
		},
	}, nil)
	if azdps.HasCode(err, azdps.ErrorCodeEnrollmentExists) {
		log.Fatal("device-1 is enrolled already")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.RegistrationID, created.Attestation.Type)
	// Output: device-1 symmetricKey
}

// With an ETag, the record is replaced only if nobody wrote since the ETag was read; here the device gets another attestation. Get
// shows no symmetric keys, so to change something else use Update, which keeps them and starts again if somebody wrote.
func ExampleIndividualEnrollmentsClient_CreateOrUpdate_replace() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	enrollment, err := client.IndividualEnrollments().Get(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	enrollment.Attestation, err = azdps.NewTPMAttestation(exampleEndorsementKey, "")
	if err != nil {
		log.Fatal(err)
	}
	options := &azdps.IndividualEnrollmentsClientCreateOrUpdateOptions{IfMatch: &enrollment.ETag}
	replaced, err := client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment.IndividualEnrollment, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(replaced.RegistrationID, replaced.Attestation.Type)

	_, err = client.IndividualEnrollments().CreateOrUpdate(ctx, enrollment.IndividualEnrollment, options)
	if azdps.HasStatusCode(err, http.StatusPreconditionFailed) {
		fmt.Println("the ETag is not current any more")
	}
	// Output:
	// device-1 tpm
	// the ETag is not current any more
}

func ExampleIndividualEnrollmentsClient_Update() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	updated, err := client.IndividualEnrollments().Update(ctx, "device-1", func(enrollment *azdps.IndividualEnrollment) error {
		enrollment.ProvisioningStatus = azdps.ProvisioningStatusDisabled
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(updated.RegistrationID, updated.ProvisioningStatus)
	// Output: device-1 disabled
}

// An error of the function ends the update, and nothing is written.
func ExampleIndividualEnrollmentsClient_Update_cancel() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)
	errInUse := errors.New("the device is in use")

	_, err := client.IndividualEnrollments().Update(ctx, "device-1", func(enrollment *azdps.IndividualEnrollment) error {
		if enrollment.ProvisioningStatus != azdps.ProvisioningStatusDisabled {
			return errInUse
		}
		enrollment.DeviceID = "spare"
		return nil
	}, nil)
	if errors.Is(err, errInUse) {
		fmt.Println("nothing was written:", err)
	}
	// Output: nothing was written: the device is in use
}

// That the enrollment is gone already is no fault here.
func ExampleIndividualEnrollmentsClient_Delete() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	_, err := client.IndividualEnrollments().Delete(ctx, "device-1", nil)
	if err != nil && !azdps.HasStatusCode(err, http.StatusNotFound) {
		log.Fatal(err)
	}
	fmt.Println("device-1 may not register any more")
	// Output: device-1 may not register any more
}

func ExampleIndividualEnrollmentsClient_GetAttestationMechanism() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	mechanism, err := client.IndividualEnrollments().GetAttestationMechanism(ctx, "device-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	if keys := mechanism.SymmetricKey; keys != nil {
		fmt.Println(len(keys.PrimaryKey), "characters of base64")
	}
	// Output: 88 characters of base64
}

// The service takes the items that it can and reports the others.
func ExampleIndividualEnrollmentsClient_RunBulkOperation() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1)

	var enrollments []azdps.IndividualEnrollment
	for _, id := range []string{"device-1", "device-2", "device-3"} {
		enrollments = append(enrollments, azdps.IndividualEnrollment{
			RegistrationID: id,
			Attestation:    azdps.NewGeneratedKeyAttestation(),
		})
	}
	_, err := client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeCreate, enrollments, nil)
	if refused, ok := errors.AsType[*azdps.BulkOperationError](err); ok {
		for _, failure := range refused.Failures {
			fmt.Println(failure.RegistrationID, failure.ErrorCode, failure.ErrorStatus)
		}
	} else if err != nil {
		log.Fatal(err)
	}
	// Output: device-1 409201 Enrollment already exists.
}

// For a delete, the ids are enough.
func ExampleIndividualEnrollmentsClient_RunBulkOperation_delete() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2)

	enrollments := []azdps.IndividualEnrollment{{RegistrationID: "device-1"}, {RegistrationID: "device-2"}}
	_, err := client.IndividualEnrollments().RunBulkOperation(ctx, azdps.BulkOperationModeDelete, enrollments, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("deleted", len(enrollments), "enrollments")
	// Output: deleted 2 enrollments
}

func ExampleIndividualEnrollmentsClient_All() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2, exampleDevice3)

	for enrollment, err := range client.IndividualEnrollments().All(ctx, nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(enrollment.RegistrationID, enrollment.Attestation.Type)
	}
	// Unordered output:
	// device-1 symmetricKey
	// device-2 symmetricKey
	// device-3 symmetricKey
}

func ExampleIndividualEnrollmentsClient_NewQueryPager() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2, exampleDevice3)

	pager := client.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{PageSize: 2})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Items), "enrollments, more follow:", page.ContinuationToken != "")
	}
	// Output:
	// 2 enrollments, more follow: true
	// 1 enrollments, more follow: false
}

// The token of a page may be stored, to go on from there later and in another process.
func ExampleIndividualEnrollmentsClient_NewQueryPager_resume() {
	ctx := context.Background()
	client := exampleClient(exampleDevice1, exampleDevice2, exampleDevice3)

	pager := client.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{PageSize: 2})
	page, err := pager.NextPage(ctx)
	if err != nil {
		log.Fatal(err)
	}
	stored := page.ContinuationToken
	fmt.Println("the first process read", len(page.Items))

	if stored == "" { // nothing is left; a pager without a token would start again
		return
	}
	pager = client.IndividualEnrollments().NewQueryPager(&azdps.IndividualEnrollmentsClientQueryOptions{ContinuationToken: stored})
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("the second one read", len(page.Items))
	}
	// Output:
	// the first process read 2
	// the second one read 1
}
