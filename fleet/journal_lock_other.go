//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package fleet

import "os"

// openLocked opens or creates a file. There is no lock on these systems.
func openLocked(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

// closeLocked closes a file of openLocked.
func closeLocked(file *os.File) error {
	return file.Close()
}
