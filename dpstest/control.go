package dpstest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Fault sees a request before the service does; it may answer, change, delay or drop it, or call next, which is the
// faults that were added before it and then the service. To drop the connection, it panics with [http.ErrAbortHandler].
// It may call the server with a client of its own, for example to write before another write; while it has Times left, it sees
// those requests too.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// ControlOptions says which requests a [Fault] sees.
type ControlOptions struct {
	// Operation is what the request asks for; empty means any, and what is no operation.
	Operation Operation

	// ID is the id in the path, without regard to case: of the record, of the device that registers, or of the group
	// whose registrations are queried.
	// Empty means any. Bulk operations and queries of enrollments have none.
	ID string

	// Times is how many requests the fault sees; 0 means one, -1 means all until stop is called. A request counts before the fault
	// runs.
	Times int
}

// Control puts fault before the next request that matches options; nil matches any. The faults added last are asked
// first, and one that is not reached, because another answered, is not used up. Calling stop takes the fault away;
// calling it again does nothing.
func (s *Server) Control(fault Fault, options *ControlOptions) (stop func()) {
	added := &control{fault: fault, left: 1}
	if options != nil {
		added.operation, added.id = options.Operation, options.ID
		if options.Times != 0 {
			added.left = options.Times
		}
	}
	s.controls.add(added)
	return func() { s.controls.remove(added) }
}

// control is a fault and the requests that it is for.
type control struct {
	fault     Fault
	operation Operation
	id        string
	left      int // below 0 means without end
}

// controls are the faults of a server, oldest first.
type controls struct {
	mu   sync.Mutex
	list []*control
}

func (c *controls) add(added *control) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(slices.Clone(c.list), added) // handlers under way hold the old list
}

func (c *controls) remove(gone *control) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone.left = 0
	c.list = slices.DeleteFunc(slices.Clone(c.list), func(x *control) bool { return x == gone })
}

// take uses a fault up once, and says whether there was one to use.
func (c *controls) take(x *control) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.left == 0 {
		return false
	}
	if x.left > 0 {
		x.left--
	}
	if x.left == 0 {
		c.list = slices.DeleteFunc(slices.Clone(c.list), func(other *control) bool { return other == x })
	}
	return true
}

// handler is the faults for a request with the service behind them.
func (c *controls) handler(operation Operation, id string, service http.Handler) http.Handler {
	c.mu.Lock()
	list := c.list
	c.mu.Unlock()
	handler := service
	for _, x := range list {
		if x.operation != "" && x.operation != operation || x.id != "" && !strings.EqualFold(x.id, id) {
			continue
		}
		next := handler
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.take(x) {
				x.fault(w, r, next)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
	return handler
}
