//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fleet

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJournalLockEndsWithClose closes a journal while a child process is being started, which has its own descriptor of the open file.
func TestJournalLockEndsWithClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	for range 2 {
		journal, err := OpenJournal(path)
		require.NoError(t, err)
		descriptor, err := syscall.Dup(int(journal.file.Fd()))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, syscall.Close(descriptor)) })
		_, err = OpenJournal(path)
		require.ErrorIs(t, err, ErrJournalInUse)
		require.NoError(t, journal.Close())
	}
}
