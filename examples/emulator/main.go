// Command emulator is a Device Provisioning Service in memory as a program, for tests and demos in any language. It prints
// how to reach it, one KEY=VALUE a line, and serves until it is interrupted:
//
//	go run ./examples/emulator >emulator.env &
//	until [ -s emulator.env ]; do sleep 0.1; done
//	export $(cat emulator.env)
//
// A shell must not source that file, since the connection string has semicolons and no quotes.
//
// Clients must trust the certificate in DPS_CA_FILE: through NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, SSL_CERT_FILE or
// what else their language has. The SDKs for Node need one more line, which dpstest/FIDELITY.md has. The bearer token is good
// for an hour. Nothing is kept when the program ends, and what it prints is worth nothing elsewhere.
//
// It listens on a free port of the loopback interface, or where -addr says. Anybody who reaches it may use it, so it
// refuses other addresses unless -insecure-listen is given.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/azdps/azdps/dpstest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

// run serves as args say until ctx ends, which is no error.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	settings, err := parse(args, stderr)
	if err != nil {
		return err
	}
	server, err := settings.newServer(ctx, stderr)
	if err != nil {
		return err
	}
	defer server.Close()
	caFile, remove, err := settings.writeCA(server.CertificatePEM())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := describe(ctx, stdout, server, caFile); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// newServer makes a server, fills it with the seed and starts it.
func (s *settings) newServer(ctx context.Context, stderr io.Writer) (*dpstest.Server, error) {
	listener, err := s.listen(ctx)
	if err != nil {
		return nil, err
	}
	options := &dpstest.Options{
		Listener:               listener,
		Hubs:                   s.hubs,
		OperationsPerMinute:    s.throttle,
		RegistrationsPerMinute: s.throttle,
	}
	if s.verbose {
		options.Logf = log.New(stderr, "", log.Ltime|log.Lmicroseconds).Printf
	}
	server := dpstest.NewUnstartedServer(options)
	if err := s.load(server); err != nil {
		server.Close()
		return nil, err
	}
	server.Start()
	return server, nil
}

// load reads the seed if there is one.
func (s *settings) load(server *dpstest.Server) error {
	if s.seed == "" {
		return nil
	}
	file, err := os.Open(s.seed) //nolint:gosec // the user names the file
	if err != nil {
		return fmt.Errorf("open the seed: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	if err := server.Load(file); err != nil {
		return fmt.Errorf("%s: %w", s.seed, err)
	}
	return nil
}

// writeCA writes the certificate that clients must trust to the file that the settings name, or to a temporary one that
// remove takes away.
func (s *settings) writeCA(certificate []byte) (name string, remove func() error, err error) {
	if s.caOut != "" {
		if err := os.WriteFile(s.caOut, certificate, 0o644); err != nil { //nolint:gosec // a certificate is for everybody to read
			return "", nil, fmt.Errorf("write the CA certificate: %w", err)
		}
		return s.caOut, func() error { return nil }, nil
	}
	file, err := os.CreateTemp("", "dps-ca-*.pem")
	if err != nil {
		return "", nil, fmt.Errorf("write the CA certificate: %w", err)
	}
	remove = func() error { return os.Remove(file.Name()) }
	_, err = file.Write(certificate)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return "", nil, errors.Join(fmt.Errorf("write the CA certificate: %w", err), remove())
	}
	return file.Name(), remove, nil
}
