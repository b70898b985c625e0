package emulator

import (
	"encoding/json"
	"strings"
)

// bulkBody is a bulk operation as it is sent: the collection's member has the items.
type bulkBody struct {
	Enrollments []json.RawMessage `json:"enrollments"`
	Groups      []json.RawMessage `json:"enrollmentGroups"`
	Mode        string            `json:"mode"`
}

// bulkResult is the answer, whose errors are there also when there are none.
type bulkResult struct {
	Errors       []bulkError `json:"errors"`
	IsSuccessful bool        `json:"isSuccessful"`
}

type bulkError struct {
	RegistrationID string `json:"registrationId,omitempty"`
	GroupID        string `json:"enrollmentGroupId,omitempty"`
	ErrorCode      int    `json:"errorCode"`
	ErrorStatus    string `json:"errorStatus"`
}

// serveBulk runs one operation on each item, and answers 200 with the failures. Only what is wrong with the whole is
// answered otherwise, and then nothing was done: more than ten items, an id twice, an unknown mode, a member of a wrong
// type.
//
// Inferred: the status of that, and the last of them; that an empty list is fine, and that the case of the mode does
// not matter.
func (c *collection) serveBulk(call *call) (any, error) {
	var body bulkBody
	if err := call.decode(&body); err != nil {
		return nil, err
	}
	mode, ok := canonical(body.Mode, "create", "update", "updateIfMatchETag", "delete")
	if !ok {
		return nil, invalid("The mode of the bulk operation is unknown.")
	}
	items, err := c.bulkItems(&body)
	if err != nil {
		return nil, err
	}
	result := bulkResult{Errors: []bulkError{}}
	for i := range items {
		id := c.id(&items[i].enrollment) // before the item takes on the case of the record
		if err := c.runItem(call, mode, &items[i]); err != nil {
			result.Errors = append(result.Errors, c.newBulkError(id, asError(err)))
		}
	}
	result.IsSuccessful = len(result.Errors) == 0
	return result, nil
}

// bulkItems decodes the items and refuses lists that cannot be run.
func (c *collection) bulkItems(body *bulkBody) ([]enrollmentBody, error) {
	raw, member := body.Enrollments, "enrollments"
	if c.group {
		raw, member = body.Groups, "enrollmentGroups"
	}
	switch {
	case raw == nil:
		return nil, invalid("The bulk operation has no %s.", member)
	case len(raw) > maxBulkItems:
		return nil, invalid("A bulk operation takes at most %d items.", maxBulkItems)
	}
	items := make([]enrollmentBody, len(raw))
	seen := make(map[string]bool, len(raw))
	for i, text := range raw {
		items[i].enrollment = newEnrollment()
		if err := decode(text, &items[i]); err != nil {
			return nil, err
		}
		id := strings.ToLower(c.id(&items[i].enrollment))
		if seen[id] {
			return nil, invalid("The bulk operation has an id twice.")
		}
		seen[id] = true
	}
	return items, nil
}

// runItem runs one item. An update without an etag creates, and so fails for a record that is there: that is recorded.
//
// Inferred: that an update under an etag, or "*", is like a PUT with that If-Match; that updateIfMatchETag needs one;
// and that a deletion looks at the etag if there is one.
func (c *collection) runItem(call *call, mode string, item *enrollmentBody) error {
	var condition condition
	if mode != "create" && item.ETag != nil && *item.ETag != "" {
		var err error
		if condition, err = parseCondition([]string{*item.ETag}); err != nil {
			return err
		}
	}
	switch {
	case mode == "delete":
		return c.erase(c.id(&item.enrollment), condition)
	case mode == "updateIfMatchETag" && condition == "":
		return errInvalidETag
	}
	_, err := c.write(call, &item.enrollment, condition)
	return err
}

func (c *collection) newBulkError(id string, answer *Error) bulkError {
	failure := bulkError{ErrorCode: answer.Code, ErrorStatus: answer.Message}
	if c.group {
		failure.GroupID = id
	} else {
		failure.RegistrationID = id
	}
	return failure
}
