package fleet

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errorSharingViolation is what Windows answers if somebody has the file open.
const errorSharingViolation syscall.Errno = 32

// openLocked opens or creates a file that nobody else can open. The lock ends with the process.
func openLocked(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const shared = 0 // with nobody
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, shared, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, fmt.Errorf("%w: %s", ErrJournalInUse, path)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// closeLocked closes a file of openLocked.
func closeLocked(file *os.File) error {
	return file.Close()
}
