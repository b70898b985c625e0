package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// service is how to reach a service.
type service struct {
	connectionString string
	url              string
	idScope          string
	certificate      []byte // PEM, of the CA to trust
}

// emulator is a process of examples/emulator.
type emulator struct {
	service
	command   *exec.Cmd
	directory string
}

// startEmulator builds examples/emulator and starts it. It runs until stop, not until ctx ends, so that what was begun can be
// compared to the end.
func startEmulator(ctx context.Context) (_ *emulator, err error) {
	e := &emulator{}
	if e.directory, err = os.MkdirTemp("", "azdps-soak-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(e.directory))
		}
	}()
	program := filepath.Join(e.directory, "emulator")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/azdps/azdps/examples/emulator")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the emulator: %w\n%s", err, out)
	}
	e.command = exec.CommandContext(context.WithoutCancel(ctx), program)
	e.command.Stderr = os.Stderr
	stdout, err := e.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.command.Start(); err != nil {
		return nil, fmt.Errorf("start the emulator: %w", err)
	}
	if err := e.read(stdout); err != nil {
		return nil, errors.Join(err, e.command.Process.Kill(), e.command.Wait())
	}
	return e, nil
}

// read takes in the lines that tell how to reach the emulator.
func (e *emulator) read(stdout io.Reader) (err error) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name {
		case "DPS_CONNECTION_STRING":
			e.connectionString = value
		case "DPS_BASE_URL":
			e.url = value
		case "DPS_ID_SCOPE":
			e.idScope = value
		case "DPS_CA_FILE":
			e.certificate, err = os.ReadFile(value)
		case "DPS_BEARER_TOKEN": // the last line
			return err
		}
	}
	return errors.Join(errors.New("the emulator did not say how to reach it"), lines.Err(), err)
}

// stop ends the process, which must end well.
func (e *emulator) stop() error {
	killer := time.AfterFunc(10*time.Second, func() { _ = e.command.Process.Kill() })
	defer killer.Stop()
	err := e.command.Process.Signal(os.Interrupt)
	if err = errors.Join(err, e.command.Wait()); err != nil {
		err = fmt.Errorf("stop the emulator: %w", err)
	}
	return errors.Join(err, os.RemoveAll(e.directory))
}
