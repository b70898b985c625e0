// Package plain is the floor that benchmarks compare with: what a Go programmer would write by hand for the same service, with
// net/http, encoding/json and no other module. It drops members that it does not know and has no retries, no hooks and no checks.
package plain
