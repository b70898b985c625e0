package fleet

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azdps/azdps"
)

// ErrTooManyDeletes is matched by the error of a plan that would delete more records than MaxDeletes allows.
var ErrTooManyDeletes = errors.New("fleet: the plan deletes too many records")

// PlanOptions are the options of [NewPlan].
type PlanOptions struct {
	Options

	// Delete plans to delete the records of the service that are not desired. Without it they are left alone.
	Delete bool

	// MaxDeletes refuses a plan that deletes more records; 0 means that none may be deleted.
	MaxDeletes int
}

// Plan is what has to change for the service to hold the desired records. It is not changed by its methods, and safe for
// concurrent use if the desired sequence is.
type Plan[T Record] struct {
	client  *azdps.DeviceProvisioningClient
	desired iter.Seq2[T, error]

	wanted  []wanted // by position in desired
	creates []create // by position
	updates []update // by position
	deletes []deletion
	others  int64 // records of the service that are not desired and stay
}

// wanted is what a plan knows of each desired record.
type wanted struct {
	hash [16]byte // of its form
	keys keySet
}

type create struct {
	id       string
	position int
}

type update struct {
	id       string
	etag     azcore.ETag
	fields   []FieldChange
	position int
}

type deletion struct {
	id   string
	etag azcore.ETag
}

// NewPlan compares the desired records with those of the service and changes nothing. It lists the service once, which costs
// an operation a page, and reads the symmetric keys of a record, one operation more, only if the desired record has some. It
// needs the permission EnrollmentRead, and for keys perhaps EnrollmentWrite: the service does not document which. options may be
// nil.
//
// Records are equal if the service behaves the same with either: members that are absent, null, empty or at the default of
// the service are equal, as are ids and enumerations in another case; certificates compare by thumbprint, numbers by value, and
// unknown members as JSON, so that one that the service does not keep differs in each plan. Symmetric keys that the desired
// record leaves out are kept as they are. Read-only members and ETags do not count. An info without its certificate stands for
// the certificate that the service holds; if it holds another one, or none, that is an error, as the certificate itself is needed.
//
// The plan does not hold the records: it holds 17 bytes for each desired one, and 40 while it is made; for one to create also its
// id, some 100 bytes in all, and for one to update its id, its ETag and the diff, 300 bytes if one member differs. While it is
// made, up to 4,096 records of the service that differ are held, too, and some 40 bytes for each that is not desired.
//
// So desired is ranged over several times: once or twice by NewPlan, once more for each 4,096 records that differ, and up to
// twice by [Plan.Apply]. It must yield the same records in the same order each time, such as a sequence that opens its file
// anew; one that does not, because it can be ranged over only once, is an error that says so, before anything is written.
//
// An error of desired ends NewPlan, an [*InputError] too, as does the same id twice, without case. Errors count records from 0.
// With Delete, a plan of more deletions than MaxDeletes is an error that matches [ErrTooManyDeletes]. Of the options,
// MaxFailures and MaxFailureShare do not apply; [Progress] counts the records of the service.
func NewPlan[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, desired iter.Seq2[T, error], options *PlanOptions) (*Plan[T], error) {
	if options == nil {
		options = &PlanOptions{}
	}
	c := &comparison[T]{
		kind: kindOf[T](client), options: options,
		plan:      &Plan[T]{client: client, desired: desired},
		differing: make(map[int]T),
		deletes:   make(map[string]deletion),
		others:    newIDSet(),
	}
	for _, step := range []func(context.Context) error{c.readDesired, c.readService, c.finish} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return c.plan, nil
}

// Len returns the number of changes; 0 means that the service holds the desired records.
func (p *Plan[T]) Len() int { return len(p.creates) + len(p.updates) + len(p.deletes) }

// Changes iterates over the changes in the order in which [Plan.Apply] makes them: first what is created and then what is updated, in
// the order of the desired records, and last what is deleted, in the order of ids without case.
func (p *Plan[T]) Changes() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for _, c := range p.creates {
			if !yield(Change{ID: c.id, Action: ActionCreate}) {
				return
			}
		}
		for _, u := range p.updates {
			if !yield(Change{ID: u.id, Action: ActionUpdate, Fields: slices.Clone(u.fields)}) {
				return
			}
		}
		for _, d := range p.deletes {
			if !yield(Change{ID: d.id, Action: ActionDelete}) {
				return
			}
		}
	}
}

// Change is one step of a plan. It has no keys.
type Change struct {
	// ID of the record, as the desired record has it; that of the service for a deletion.
	ID string

	// Action is what is done with the record.
	Action Action

	// Fields are the members that an update changes, sorted by path.
	Fields []FieldChange
}

// Action is what a step of a plan does.
type Action string

// Values of [Action].
const (
	// ActionCreate creates a record that the service does not have.
	ActionCreate Action = "create"

	// ActionDelete deletes a record that is not desired.
	ActionDelete Action = "delete"

	// ActionUpdate replaces a record that differs.
	ActionUpdate Action = "update"
)

// PossibleActionValues returns all actions.
func PossibleActionValues() []Action {
	return []Action{ActionCreate, ActionDelete, ActionUpdate}
}

// FieldChange is a member that differs. Symmetric keys, the query of a webhook's URL, and unknown members beside them are
// REDACTED, on both sides; twins and the unknown members of a record are shown as they are.
type FieldChange struct {
	// Path leads to the member in the JSON of the record, such as initialTwin.tags.site; a name with other characters than
	// letters, digits, dashes, underscores and $ is written ["like this"].
	Path string

	// Old is what the service holds and New what is desired, both as JSON. An empty string means that there is none. A member
	// that is left to the service's default has that.
	Old, New string
}
