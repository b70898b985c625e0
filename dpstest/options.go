package dpstest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/azdps/azdps/internal/emulator"
)

// Options configures a [Server]; its zero value is ready for use.
type Options struct {
	// Policies are the shared access policies; none means provisioningserviceowner with every permission and generated keys.
	Policies []AccessPolicy

	// Hubs are the host names of the linked IoT hubs, which devices are assigned to; none means one,
	// dpstest-hub.azure-devices.net. Nothing is sent to them.
	Hubs []string

	// CAs are the verified CA certificates of the service, by the names that the CA references of an enrollment use; nil means that
	// there are none.
	CAs map[string]*x509.Certificate

	// Webhooks calls the webhooks of custom allocation, at the URL that the enrollment has; nil means a client that gives
	// up after a minute. For a test without sockets, give it a Transport that answers.
	Webhooks *http.Client

	// Clock is the server's time; nil means [time.Now], which is virtual in a synctest bubble. It is called by many
	// goroutines at once.
	Clock func() time.Time

	// OperationsPerMinute switches throttling on: more service operations than this in a minute are answered 429, with a
	// Retry-After header. The service allows 1,000. 0 leaves throttling off.
	OperationsPerMinute int

	// RegistrationsPerMinute does the same for the registrations of devices, of which the service allows 1,000, too. 0
	// leaves it off.
	RegistrationsPerMinute int

	// MaxPageSize is the largest page of a query, in items; 0 means 100. A query that does not say gets 100, or this if it
	// is less.
	MaxPageSize int

	// Listener is where the server listens; nil means a free port of the loopback interface. The server closes it, and its
	// certificate is good for the address. Whoever reaches an address beyond loopback can try the server's keys.
	Listener net.Listener

	// Logf, if set, gets a line per request, without secrets; t.Logf fits. It is called by many goroutines at once.
	Logf func(format string, args ...any)
}

// AccessPolicy is a shared access policy: a name, two keys that are good for the same, and what they allow. The fmt
// package prints it without the keys; encoding it as JSON includes them.
type AccessPolicy struct {
	// Name is the policy's name; no two policies of a server have the same.
	Name string

	// PrimaryKey and SecondaryKey are base64; empty ones are generated.
	PrimaryKey, SecondaryKey string

	// Permissions are the operations that the policy allows. Without any, it allows none.
	Permissions []Permission
}

// Permission is a right of an [AccessPolicy].
type Permission string

// The permissions of the service.
const (
	// PermissionEnrollmentRead allows to get and query individual enrollments and enrollment groups.
	PermissionEnrollmentRead Permission = "EnrollmentRead"

	// PermissionEnrollmentWrite allows to write and delete them, singly and in bulk, and to read their keys.
	PermissionEnrollmentWrite Permission = "EnrollmentWrite"

	// PermissionRegistrationStatusRead allows to get and query registration states.
	PermissionRegistrationStatusRead Permission = "RegistrationStatusRead"

	// PermissionRegistrationStatusWrite allows to delete them.
	PermissionRegistrationStatusWrite Permission = "RegistrationStatusWrite"

	// PermissionServiceConfig is for the service's configuration; no operation of the emulator needs it.
	PermissionServiceConfig Permission = "ServiceConfig"
)

// PossiblePermissionValues returns all permissions.
func PossiblePermissionValues() []Permission {
	return []Permission{
		PermissionEnrollmentRead,
		PermissionEnrollmentWrite,
		PermissionRegistrationStatusRead,
		PermissionRegistrationStatusWrite,
		PermissionServiceConfig,
	}
}

// Format prints the policy without its keys, whatever the verb. (The fmt package does not ask for %p, which go vet
// refuses for what is not a pointer.)
func (p AccessPolicy) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "AccessPolicy(%s %v)", p.Name, p.Permissions)
}

// LogValue implements [slog.LogValuer]; it keeps the keys out of logs.
func (p AccessPolicy) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", p.Name), slog.Any("permissions", p.Permissions))
}

// complete returns the policies that a server works with, keys made. It panics if they make no sense, without telling
// a key.
func complete(policies []AccessPolicy) []AccessPolicy {
	if len(policies) == 0 {
		policies = []AccessPolicy{{Name: "provisioningserviceowner", Permissions: PossiblePermissionValues()}}
	}
	names := make(map[string]bool, len(policies))
	completed := make([]AccessPolicy, len(policies))
	for i, policy := range policies {
		if policy.Name == "" || names[policy.Name] {
			panic(fmt.Sprintf("dpstest: the name of access policy %d is empty or taken: %q", i, policy.Name))
		}
		names[policy.Name] = true
		for _, key := range []*string{&policy.PrimaryKey, &policy.SecondaryKey} {
			if *key == "" {
				*key = newKey()
			}
			if plain, err := base64.StdEncoding.DecodeString(*key); err != nil || len(plain) == 0 {
				panic(fmt.Sprintf("dpstest: a key of access policy %q is not base64", policy.Name))
			}
		}
		completed[i] = policy
	}
	return completed
}

func newKey() string {
	key := make([]byte, 64)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// emulated is the policy as the service knows it. Its keys are base64.
func (p AccessPolicy) emulated() emulator.Policy {
	policy := emulator.Policy{Name: p.Name}
	for i, key := range []string{p.PrimaryKey, p.SecondaryKey} {
		policy.Keys[i], _ = base64.StdEncoding.DecodeString(key)
	}
	for _, permission := range p.Permissions {
		policy.Permissions = append(policy.Permissions, emulator.Permission(permission))
	}
	return policy
}
