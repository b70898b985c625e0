// Package exampletest tries the programs of examples out, for their tests: on a service without a socket, so that in a bubble of
// testing/synctest no wait takes time.
package exampletest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/azdps/azdps"
	"github.com/azdps/azdps/dpstest"
	"github.com/azdps/azdps/examples/internal/example"
)

// Stage is a service on which a program is run.
type Stage struct {
	// Server is the service. Tests give it faults.
	Server *dpstest.Server

	program example.Program
	out     bytes.Buffer

	mu   sync.Mutex
	held []string // records, one JSON object each, in the order in which they were seen
	seen map[string]bool
}

// New sets the stage for a program. Close the server afterwards.
func New(program example.Program) *Stage {
	s := &Stage{Server: dpstest.NewUnstartedServer(program.EmulatorOptions()), program: program, seen: make(map[string]bool)}
	s.Server.Control(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		s.watch()
		next.ServeHTTP(w, r)
	}, &dpstest.ControlOptions{Times: -1})
	return s
}

// Run runs the program.
func (s *Stage) Run(ctx context.Context) error {
	service, err := Service(s.Server)
	if err != nil {
		return err
	}
	err = s.program.RunOn(ctx, &s.out, service)
	s.watch()
	return err
}

// Service is a service without a socket.
func Service(server *dpstest.Server) (*example.Service, error) {
	service, err := example.InMemory(server)
	if err != nil {
		return nil, err
	}
	service.Options.Transport = server.Transport()
	service.DeviceClient = func(certificate *tls.Certificate) *http.Client {
		if certificate == nil {
			return server.Transport()
		}
		return server.DeviceTransport(*certificate)
	}
	service.Client, err = azdps.NewDeviceProvisioningClientFromConnectionString(service.ConnectionString, service.Options)
	return service, err
}

// watch notes what the service holds.
func (s *Stage) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for record := range strings.Lines(Records(s.Server)) {
		if !s.seen[record] {
			s.seen[record] = true
			s.held = append(s.held, record)
		}
	}
}

// Output returns what the program printed.
func (s *Stage) Output() string { return s.out.String() }

// Held returns every record that the service ever held, in each of its states: one JSON object a line, with keys.
func (s *Stage) Held() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.held, "")
}

// Left returns what the service holds now.
func (s *Stage) Left() string { return Records(s.Server) }

// Records returns what a server holds, one JSON object a line.
func Records(server *dpstest.Server) string {
	var state strings.Builder
	_ = server.Dump(&state) // a builder takes everything
	return state.String()
}

// key finds symmetric keys in records.
var key = regexp.MustCompile(`(?:primary|secondary|authentication)Key":"([^"]+)"`)

// Keys returns the keys of all records that the service ever held.
func (s *Stage) Keys() (keys []string) {
	for _, match := range key.FindAllStringSubmatch(s.Held(), -1) {
		keys = append(keys, match[1])
	}
	return keys
}

// Printed returns the keys of which the program printed a part that is long enough to be no accident.
func (s *Stage) Printed() (keys []string) {
	for _, key := range s.Keys() {
		if strings.Contains(s.Output(), key[:8]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Environment names a started server as a real service is named, for programs and for devices. The certificate of its authority is put
// into a folder.
func Environment(server *dpstest.Server, folder string) (map[string]string, error) {
	certificate := filepath.Join(folder, "ca.pem")
	if err := os.WriteFile(certificate, server.CertificatePEM(), 0o600); err != nil {
		return nil, err
	}
	return map[string]string{
		"DPS_CONNECTION_STRING": server.ConnectionString(),
		"DPS_CA_FILE":           certificate,
		"DPS_ID_SCOPE":          server.IDScope(),
		"DPS_DEVICE_ENDPOINT":   strings.TrimPrefix(server.DeviceURL(), "https://"),
	}, nil
}
