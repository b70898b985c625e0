package azdps_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
)

// span is what a tracer was told of one.
type span struct {
	name       string
	kind       tracing.SpanKind
	parent     *span
	attributes map[string]any
	status     tracing.SpanStatus
	why        string
	ended      int
}

// tracer keeps the spans of a client.
type tracer struct {
	mu              sync.Mutex
	module, version string
	spans           []*span
}

type spanKey struct{}

// provider hands the tracer to azcore.
func (r *tracer) provider() tracing.Provider {
	return tracing.NewProvider(func(module, version string) tracing.Tracer {
		r.module, r.version = module, version
		return tracing.NewTracer(r.start, nil)
	}, nil)
}

func (r *tracer) start(ctx context.Context, name string, options *tracing.SpanOptions) (context.Context, tracing.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	parent, _ := ctx.Value(spanKey{}).(*span)
	s := &span{name: name, kind: options.Kind, parent: parent, attributes: map[string]any{}}
	set := func(attributes ...tracing.Attribute) {
		for _, attribute := range attributes {
			s.attributes[attribute.Key] = attribute.Value
		}
	}
	set(options.Attributes...)
	r.spans = append(r.spans, s)
	return context.WithValue(ctx, spanKey{}, s), tracing.NewSpan(tracing.SpanImpl{
		End:           func() { s.ended++ },
		SetAttributes: set,
		SetStatus:     func(status tracing.SpanStatus, why string) { s.status, s.why = status, why },
	})
}

// check finds the span of a method and the requests in it.
func (r *tracer) check(t *testing.T, name string, requests int, failed bool) *span {
	t.Helper()
	require.NotEmpty(t, r.spans)
	method := r.spans[0]
	assert.Equal(t, name, method.name)
	assert.Equal(t, tracing.SpanKindInternal, method.kind)
	assert.Nil(t, method.parent)
	if failed {
		assert.Equal(t, tracing.SpanStatusError, method.status)
	} else {
		assert.Equal(t, tracing.SpanStatusUnset, method.status, method.why)
	}
	for _, s := range r.spans {
		assert.Equal(t, 1, s.ended, "%s ends once", s.name)
		assert.Equal(t, "Microsoft.Devices", s.attributes["az.namespace"], s.name)
		assert.NotContains(t, s.why, "sig=")
	}
	require.Len(t, r.spans, 1+requests)
	for _, s := range r.spans[1:] {
		assert.Same(t, method, s.parent, "a request belongs to the method")
		assert.Equal(t, tracing.SpanKindClient, s.kind)
		assert.Equal(t, "HTTP "+s.attributes["http.method"].(string), s.name)
	}
	assert.Equal(t, "azdps", r.module)
	assert.Regexp(t, `^v\d+\.\d+\.\d+`, r.version)
	return method
}

// spanName is that of azcore for a page, and else that of the method.
func spanName(operation call) string {
	if client, ok := strings.CutSuffix(operation.method, ".NewQueryPager"); ok {
		return "Pager[" + client + "QueryResponse].NextPage"
	}
	return operation.method
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for _, operation := range calls {
		t.Run(operation.operation, func(t *testing.T) {
			t.Parallel()
			t.Run("success", func(t *testing.T) {
				t.Parallel()
				traced := &tracer{}
				_, client := startService(t, func(o *azdps.ClientOptions) { o.TracingProvider = traced.provider() })
				require.NoError(t, operation.do(t.Context(), client))
				traced.check(t, spanName(operation), 1, false)
			})
			t.Run("refused", func(t *testing.T) {
				t.Parallel()
				traced := &tracer{}
				server, client := startService(t, func(o *azdps.ClientOptions) { o.TracingProvider = traced.provider() })
				server.Control(dpstest.Respond(http.StatusForbidden, 403000, "No.", nil), nil)
				require.Error(t, operation.do(t.Context(), client))
				method := traced.check(t, spanName(operation), 1, true)
				assert.Contains(t, method.why, "403")
				assert.Equal(t, http.StatusForbidden, traced.spans[1].attributes["http.status_code"])
			})
			t.Run("retried", func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					traced := &tracer{}
					server, client := startService(t, func(o *azdps.ClientOptions) { o.TracingProvider = traced.provider() })
					server.Control(dpstest.Throttle(1), nil)
					require.NoError(t, operation.do(t.Context(), client))
					traced.check(t, spanName(operation), 2, false)
				})
			})
		})
	}
}

func TestSpanOfUpdate(t *testing.T) {
	t.Parallel()
	for name, update := range map[string]func(context.Context, *azdps.DeviceProvisioningClient) error{
		"IndividualEnrollmentsClient.Update": func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.IndividualEnrollments().Update(ctx, "device-1", func(*azdps.IndividualEnrollment) error { return nil }, nil)
			return err
		},
		"EnrollmentGroupsClient.Update": func(ctx context.Context, c *azdps.DeviceProvisioningClient) error {
			_, err := c.EnrollmentGroups().Update(ctx, "group-1", func(*azdps.EnrollmentGroup) error { return nil }, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			traced := &tracer{}
			server, client := startService(t, func(o *azdps.ClientOptions) { o.TracingProvider = traced.provider() })
			require.NoError(t, update(t.Context(), client))
			traced.check(t, name, 3, false)

			traced.spans = nil
			server.Control(dpstest.Respond(http.StatusForbidden, 403000, "No.", nil), nil)
			require.Error(t, update(t.Context(), client))
			traced.check(t, name, 1, true)
		})
	}
}

// TestSpanOfRefusedItems is an error as the method's result is.
func TestSpanOfRefusedItems(t *testing.T) {
	t.Parallel()
	traced := &tracer{}
	_, client := startService(t, func(o *azdps.ClientOptions) { o.TracingProvider = traced.provider() })
	_, err := client.IndividualEnrollments().RunBulkOperation(t.Context(), azdps.BulkOperationModeCreate,
		[]azdps.IndividualEnrollment{newEnrollment("device-1")}, nil)
	require.Error(t, err)
	traced.check(t, "IndividualEnrollmentsClient.RunBulkOperation", 1, true)
}
