package fleet

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"iter"

	"github.com/azdps/azdps"
)

// RotateOptions are the options of [RotateKeys] and [RotateCertificates].
type RotateOptions struct {
	BulkOptions

	// NewKey gives the new primary key of a record, the base64 of 16 to 64 bytes; only [RotateKeys] asks it. It must give the
	// same key for the same id each time, whatever the case of its letters: then a run that ended in any way can be started
	// again, with a journal or without, and rotates no record twice. To make keys from one secret that is kept until then:
	//
	//	NewKey: func(id string) (string, error) { return azdps.DeriveDeviceKey(secret, strings.ToLower(id)) }
	//
	// An error of it refuses the record. It is called by several goroutines at once. Nil means keys of 64 random bytes, which
	// are in the service alone.
	NewKey func(id string) (string, error)
}

// RotateKeys gives records a new primary symmetric key; the primary key becomes the secondary one, and the secondary one is gone.
// Devices that use the primary key, or one derived from a group's, go on as before while they move to the new one. Those that
// use the secondary key are locked out, so move them to the primary key first.
//
// A record that has its new key in either place is left alone, as unchanged. With NewKey that makes every run repeatable. Without it
// only a [Journal] lets a run go on: it knows what is done, but not whether a record was written at whose write the run was
// killed. Such a record, one for each call in flight at most, is not touched again and reported as [ResultUnknown]; its
// LastUpdatedDateTimeUTC tells. A lost answer is cleared up within the run.
//
// An id that is given twice is rotated once. With a Journal and without NewKey, its second place is refused with an [*InputError],
// since a run that goes on makes other keys than the one before; a hash of each id is kept for that, some 40 bytes at most.
//
// The outcome is updated, unchanged, conflict if somebody else changed the keys meanwhile, or refused: a record that does not
// exist, or one without symmetric keys. Outcomes hold no keys; read them with GetAttestationMechanism or [Export].
//
// Each record costs three operations, and two if it is left alone. It is written under its ETag, and again if other members
// were changed in between, up to five times. It needs the permissions EnrollmentRead and EnrollmentWrite. options may be nil. For
// errors, the end of the run and its cancellation see [Bulk].
func RotateKeys[T Record](ctx context.Context, client *azdps.DeviceProvisioningClient, ids iter.Seq2[string, error], options *RotateOptions) iter.Seq2[Outcome, error] {
	settings := RotateOptions{}
	if options != nil {
		settings = *options
	}
	newKey := settings.NewKey
	if newKey == nil {
		newKey = randomKeys()
		if settings.Journal != nil {
			ids = firstOnly(ids)
		}
	}
	return walkAll(ctx, client, "rotateKeys", withID[T](ids), settings.BulkOptions, func(ctx context.Context, w *walk[T], s *step[T]) error {
		if s.lost && settings.NewKey == nil {
			s.last = &RecordError{Reason: "an earlier run was ended as it rotated the keys of the record, so they are rotated or not"}
			return nil
		}
		next, refusal := checked(newKey, s.id)
		if refusal != nil {
			s.end(ResultRefused, refusal)
			return nil
		}
		roll := roll{next: next}
		return w.edit(ctx, s, func(record *T) error {
			keys := w.kind.members(record).attestation.SymmetricKey
			if !isSymmetricKey(w.kind.members(record).attestation) || keys == nil {
				return &RecordError{Reason: "the record has no symmetric keys"}
			}
			if err := roll.check(keys.PrimaryKey, keys.SecondaryKey); err != nil {
				return err
			}
			keys.PrimaryKey, keys.SecondaryKey = next, keys.PrimaryKey
			return nil
		})
	})
}

// firstOnly refuses an id that came before. A run that goes on has another secret for its random keys than the run before, so it would
// rotate the record again, and the key that its devices use would be lost.
func firstOnly(ids iter.Seq2[string, error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		seen := newIDSet()
		for id, err := range ids {
			if err == nil && !seen.add(id) {
				err = &InputError{Reason: "the id was given before; without NewKey, a run with a journal takes each id once"}
			}
			if !yield(id, err) {
				return
			}
		}
	}
}

// checked gives the new key of a record, or why there is none.
func checked(newKey func(id string) (string, error), id string) (string, *RecordError) {
	next, err := newKey(id)
	if err == nil {
		_, err = azdps.NewSymmetricKeyAttestation(next, next)
	}
	if err != nil {
		return "", &RecordError{Reason: "there is no new key for the record: " + err.Error(), cause: err}
	}
	return next, nil
}

// randomKeys makes keys of 64 bytes that nobody can guess. It makes them from one random secret, so that it gives a record
// that comes again the same one.
func randomKeys() func(id string) (string, error) {
	secret := make([]byte, sha512.Size)
	_, _ = rand.Read(secret) // never fails
	return func(id string) (string, error) {
		mac := hmac.New(sha512.New, secret)
		mac.Write([]byte(key(id)))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
	}
}

// roll sees the pair of keys or certificates of a record each time that it is read.
type roll struct {
	next string
	seen *[2]string // at first
}

// check stops a rotation that was made already, and one on which somebody else works.
func (r *roll) check(primary, secondary string) error {
	pair := [2]string{primary, secondary}
	switch {
	case primary == r.next || secondary == r.next:
		return errAsWanted
	case r.seen == nil:
		r.seen = &pair
	case *r.seen != pair:
		return errChangedByOthers
	}
	return nil
}
