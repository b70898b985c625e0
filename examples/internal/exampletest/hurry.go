package exampletest

import (
	"net/http"

	"github.com/azdps/azdps/dpstest"
)

// Hurry lets devices that register at a server come back at once, so that a test over a socket need not wait.
func Hurry(server *dpstest.Server) {
	server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(hurried{w}, r)
	}, &dpstest.ControlOptions{Operation: dpstest.OperationRuntimeRegistrationRegisterDevice, Times: -1})
}

type hurried struct{ http.ResponseWriter }

// WriteHeader sets a wait of no seconds.
func (h hurried) WriteHeader(status int) {
	h.Header().Set("Retry-After", "0")
	h.ResponseWriter.WriteHeader(status)
}
