package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Dump writes every record, one JSON object a line, with keys and certificates: the individual enrollments, then the
// groups, then the registration states, each in the order of queries.
func (h *Handler) Dump(w io.Writer) error {
	s := &h.store
	s.mu.RLock()
	enrollments := append(s.individuals.records.order.all(), s.groups.records.order.all()...)
	registrations := s.registrations.order.all()
	s.mu.RUnlock()

	out := bufio.NewWriter(w)
	if err := writeLines(out, enrollments); err != nil {
		return err
	}
	if err := writeLines(out, registrations); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	return nil
}

func writeLines[T any](w *bufio.Writer, records []*T) error {
	for _, record := range records {
		line, err := encode(record)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("dump: %w", err)
		}
	}
	return nil
}

// Load reads lines as Dump writes them. A record replaces the one that has its id. At a line that it cannot take, it
// stops with an error that names the line; the records before it stay.
func (h *Handler) Load(r io.Reader) error {
	in := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("load: line %d: %w", number, err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := h.loadLine(line); err != nil {
				return fmt.Errorf("load: line %d: %w", number, err)
			}
		}
		if end {
			return nil
		}
	}
}

// loadLine takes one record. One with an attestation is an enrollment group if it has the id of one, and an individual
// enrollment otherwise; one without is a registration state.
func (h *Handler) loadLine(line []byte) error {
	var kind struct {
		GroupID     string          `json:"enrollmentGroupId"`
		Attestation json.RawMessage `json:"attestation"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return err
	}
	switch {
	case kind.Attestation == nil:
		return h.store.loadRegistration(line, h.clock())
	case kind.GroupID != "":
		return h.store.groups.load(line, h.clock())
	default:
		return h.store.individuals.load(line, h.clock())
	}
}

// load takes an enrollment. What the service would write itself is kept where it is there and written where it is not.
// A certificate may be missing if its info is there, since the service never tells it.
func (c *collection) load(line []byte, now time.Time) error {
	record := newEnrollment()
	if err := json.Unmarshal(line, &record); err != nil {
		return err
	}
	if err := c.normalize(&record, versionOfPolicies); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.complete(&record.ETag, &record.Created, &record.Updated, ticksOf(now))
	return c.put(&record)
}

// loadRegistration takes a registration state.
func (s *store) loadRegistration(line []byte, now time.Time) error {
	var record registration
	if err := json.Unmarshal(line, &record); err != nil {
		return err
	}
	if !validID(record.RegistrationID) {
		return errInvalidEnrollment
	}
	if record.GroupID != "" && !validID(record.GroupID) {
		return errInvalidGroup
	}
	status, ok := canonical(record.Status, "unassigned", "assigning", "assigned", "failed", "disabled")
	if !ok {
		return errors.New("neither an attestation nor a known registration status")
	}
	record.Status = status
	if string(record.Payload) == "null" {
		record.Payload = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete(&record.ETag, &record.Created, &record.Updated, ticksOf(now))
	return s.putRegistration(&record)
}

// complete fills what a record came without. The caller holds the lock.
func (s *store) complete(tag *etag, created, updated *ticks, now ticks) {
	if *created == 0 {
		*created = now
	}
	if *updated == 0 {
		*updated = *created
	}
	if *tag == (etag{}) {
		*tag = s.stamp(now)
	}
	s.seen(*tag)
}
