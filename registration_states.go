package azdps

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// DeviceRegistrationStatesClient reads and deletes registration states; only devices create them. Get one from
// [DeviceProvisioningClient.DeviceRegistrationStates]. It is safe for concurrent use.
type DeviceRegistrationStatesClient struct {
	service *service
}

const registrationsPath = "/registrations"

// Get retrieves the registration state of a device, whether it registered by an individual enrollment or by a group.
//
// It needs the permission RegistrationStatusRead. A device that never registered gives an [*azcore.ResponseError] with
// status 404.
//
//   - registrationID - the id of the device, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/device-registration-state/get
func (c *DeviceRegistrationStatesClient) Get(ctx context.Context, registrationID string, _ *DeviceRegistrationStatesClientGetOptions) (DeviceRegistrationStatesClientGetResponse, error) {
	if err := checkID("registrationID", registrationID); err != nil {
		return DeviceRegistrationStatesClientGetResponse{}, err
	}
	var state DeviceRegistrationState
	err := c.service.do(ctx, operation{
		name: "DeviceRegistrationStatesClient.Get", method: http.MethodGet, path: itemPath(registrationsPath, registrationID),
	}, func(body []byte) error {
		err := decodeAnswer(body, &state)
		if err == nil && !strings.EqualFold(state.RegistrationID, registrationID) {
			return notTheRecord("RegistrationID")
		}
		return err
	})
	if err != nil {
		return DeviceRegistrationStatesClientGetResponse{}, err
	}
	return DeviceRegistrationStatesClientGetResponse{state}, nil
}

// Delete removes the registration state of a device, whatever its ETag unless options.IfMatch is set. The device keeps its hub,
// and may register again as long as an enrollment lets it.
//
// It needs the permission RegistrationStatusWrite. A state that does not exist gives an [*azcore.ResponseError] with status
// 404, and an ETag that is not current gives 412.
//
//   - registrationID - the id of the device, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/device-registration-state/delete
func (c *DeviceRegistrationStatesClient) Delete(ctx context.Context, registrationID string, options *DeviceRegistrationStatesClientDeleteOptions) (DeviceRegistrationStatesClientDeleteResponse, error) {
	if options == nil {
		options = &DeviceRegistrationStatesClientDeleteOptions{}
	}
	err := checkID("registrationID", registrationID)
	if err == nil {
		err = c.service.delete(ctx, "DeviceRegistrationStatesClient.Delete", itemPath(registrationsPath, registrationID), options.IfMatch)
	}
	return DeviceRegistrationStatesClientDeleteResponse{}, err
}

// NewQueryPager lists the registration states of the devices of a group page by page, in an order of the service's own. To go
// on in another process, keep the ContinuationToken of a page and give it to a new pager. For the items alone there is
// [DeviceRegistrationStatesClient.All].
//
// Each page needs the permission RegistrationStatusRead. A page may be empty while more follow. A pager ends with its first
// error; a new one can start at the last token. A token that comes back is an error, for the list would never end.
//
//   - enrollmentGroupID - the id of the group, without regard to case
//   - options - may be nil
//
// REST: https://learn.microsoft.com/rest/api/iot-dps/service/device-registration-state/query
func (c *DeviceRegistrationStatesClient) NewQueryPager(enrollmentGroupID string, options *DeviceRegistrationStatesClientQueryOptions) *runtime.Pager[DeviceRegistrationStatesClientQueryResponse] {
	if options == nil {
		options = &DeviceRegistrationStatesClientQueryOptions{}
	}
	first, err := newPage(options.ContinuationToken, options.PageSize)
	if idError := checkID("enrollmentGroupID", enrollmentGroupID); idError != nil {
		err = idError
	}
	return newPager(query[DeviceRegistrationState]{
		service: c.service, name: "DeviceRegistrationStatesClient.NewQueryPager",
		path: itemPath(registrationsPath, enrollmentGroupID) + "/query", page: first, invalid: err,
	},
		func(items []DeviceRegistrationState, token string) DeviceRegistrationStatesClientQueryResponse {
			return DeviceRegistrationStatesClientQueryResponse{items, token}
		},
		func(page DeviceRegistrationStatesClientQueryResponse) string { return page.ContinuationToken },
	)
}

// All iterates over the registration states of the devices of a group in the service's order, fetching pages as it goes. It
// stops fetching when the loop ends. An error is the last thing that it yields. It can be ranged over again, from the start.
//
// It needs the permission RegistrationStatusRead.
//
//   - enrollmentGroupID - the id of the group, without regard to case
//   - options - may be nil
func (c *DeviceRegistrationStatesClient) All(ctx context.Context, enrollmentGroupID string, options *DeviceRegistrationStatesClientAllOptions) iter.Seq2[DeviceRegistrationState, error] {
	wanted := DeviceRegistrationStatesClientAllOptions{}
	if options != nil {
		wanted = *options
	}
	return all(ctx, wanted.MaxItems, func() *runtime.Pager[DeviceRegistrationStatesClientQueryResponse] {
		return c.NewQueryPager(enrollmentGroupID, &DeviceRegistrationStatesClientQueryOptions{PageSize: pageSizeFor(wanted.PageSize, wanted.MaxItems)})
	}, func(page DeviceRegistrationStatesClientQueryResponse) []DeviceRegistrationState { return page.Items })
}
