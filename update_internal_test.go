package azdps

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnionKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	to := map[string]json.RawMessage{"a": raw("1")}
	assert.Equal(t, map[string]json.RawMessage{"a": raw("1"), "b": raw("2")},
		union(to, map[string]json.RawMessage{"a": raw("3"), "b": raw("2")}))
	assert.Equal(t, map[string]json.RawMessage{"b": raw("2")}, union(nil, map[string]json.RawMessage{"b": raw("2")}))
	assert.Nil(t, union(nil, nil))
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, wait(ctx, time.Hour), context.Canceled)
	require.NoError(t, wait(t.Context(), time.Nanosecond))
}

func TestADateWithoutZoneIsUTC(t *testing.T) {
	t.Parallel()
	got, err := parseTime("2023-05-19T23:10:35.5")
	require.NoError(t, err)
	assert.Equal(t, time.UTC, got.Location())
	assert.Equal(t, time.Date(2023, 5, 19, 23, 10, 35, 500_000_000, time.UTC), got)
}

// TestRawMembersAreCopies changes the buffer that a record was read from.
func TestRawMembersAreCopies(t *testing.T) {
	t.Parallel()
	data := []byte(`{"registrationId":"a","attestation":{"type":"tpm"},"unknown":{"b":1}}`)
	var record IndividualEnrollment
	require.NoError(t, decode(data, &record))
	clear(data)
	assert.JSONEq(t, `{"b":1}`, string(record.AdditionalProperties["unknown"]))
}

// TestSizeOfATPMKeyThatReadsBothWays has a size of 257, two equal bytes.
func TestSizeOfATPMKeyThatReadsBothWays(t *testing.T) {
	t.Parallel()
	key := append([]byte{1, 1}, make([]byte, 257)...)
	assert.Empty(t, tpmKeyProblem(base64.StdEncoding.EncodeToString(key)))
	swapped := append([]byte{2, 1}, make([]byte, 258)...)
	assert.Contains(t, tpmKeyProblem(base64.StdEncoding.EncodeToString(swapped)), "swapped")
	right := append([]byte{1, 2}, make([]byte, 258)...)
	assert.Empty(t, tpmKeyProblem(base64.StdEncoding.EncodeToString(right)))
}

// TestSameWithoutCaseOfTheID compares groups whose ids differ in case alone, as the service may return them.
func TestSameWithoutCaseOfTheID(t *testing.T) {
	t.Parallel()
	groups := newGroups(nil)
	sent := EnrollmentGroup{EnrollmentGroupID: "LINE-1", Attestation: NewGeneratedKeyAttestation()}
	found := EnrollmentGroup{EnrollmentGroupID: "line-1", Attestation: NewGeneratedKeyAttestation()}
	found.Attestation.SymmetricKey = &SymmetricKeyAttestation{PrimaryKey: "a", SecondaryKey: "b"}
	assert.True(t, groups.same(SymmetricKeyAttestation{}, &sent, &found))
	assert.False(t, groups.same(SymmetricKeyAttestation{PrimaryKey: "a"}, &sent, &found), "the old key is still there")
}

func TestConnectionStringInQuotes(t *testing.T) {
	t.Parallel()
	for _, quote := range []string{`"`, `'`} {
		_, err := parseConnectionString(" " + quote + "HostName=a;SharedAccessKeyName=b;SharedAccessKey=c2VjcmV0" + quote)
		require.ErrorContains(t, err, "quotation mark")
		assert.NotContains(t, err.Error(), "c2VjcmV0")
	}
}

func TestLongIDInOtherLetters(t *testing.T) {
	t.Parallel()
	err := checkID("registrationID", strings.Repeat("é", 100))
	require.ErrorContains(t, err, "has 'é' at byte 0", "it is the letter that is wrong, not the length")
	require.ErrorContains(t, checkID("registrationID", strings.Repeat("a", 129)), "has 129 characters")
}
