package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/azdps/azdps/internal/bench/stub"
)

// The program runs itself in three roles: with no role it starts the other two, and measures the clients.
const (
	roleClient = "client"
	roleStub   = "stub"
)

// job is what a client process is told to do.
type job struct {
	Work, Side, URL string
	Kind            stub.Kind
	Count           int
	Profile         string // begin of the names of the profiles; empty writes none
}

// report is what a client process tells of itself at its end.
type report struct {
	Before      time.Duration // the CPU that it had used when the work began
	Wall        time.Duration // that the work took
	Allocations uint64        // during the work
	PeakMemory  int64         // resident, in bytes
	PeakHeap    uint64        // of objects, live or not yet swept, in bytes
}

// runClient does a job in this process.
func runClient(ctx context.Context, j job) (r report, err error) {
	w, err := workOf(j.Work)
	if err != nil {
		return r, err
	}
	if err := w.run(ctx, j, w.warm); err != nil {
		return r, err
	}
	if j.Profile != "" {
		stop, err := profile(j.Profile)
		if err != nil {
			return r, err
		}
		defer stop()
	}
	heap := watchHeap()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if r.Before, err = cpuTime(); err != nil {
		return r, err
	}
	start := time.Now()
	if err := w.run(ctx, j, j.Count); err != nil {
		return r, err
	}
	r.Wall = time.Since(start)
	runtime.ReadMemStats(&after)
	r.Allocations = after.Mallocs - before.Mallocs
	r.PeakHeap = heap()
	r.PeakMemory, err = peakMemory()
	return r, err
}

// watchHeap returns a function that ends the watch and returns the largest heap that was seen.
func watchHeap() func() uint64 {
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		var most uint64
		for ticker := time.NewTicker(10 * time.Millisecond); ; {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-ticker.C:
			case <-done:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 { close(done); return <-peak }
}

// profile starts a CPU profile and returns a function that ends it and writes one of all allocations.
func profile(name string) (func(), error) {
	cpu, err := os.Create(name + ".cpu")
	if err != nil {
		return nil, err
	}
	memory, err := os.Create(name + ".mem")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = pprof.Lookup("allocs").WriteTo(memory, 0)
		_, _ = cpu.Close(), memory.Close()
	}, nil
}

// service says where a stub is.
type service struct {
	URL         string
	Certificate string // PEM
}

// newCertificate is for the stub, as short-lived as that is.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stub"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// runStub serves until its standard input ends. Each line of that asks for the number of connections opened since the last one.
func runStub(http2 bool) error {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(stub.Handler())
	server.EnableHTTP2 = http2
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	pair, err := newCertificate()
	if err != nil {
		return err
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	if err := json.NewEncoder(os.Stdout).Encode(service{server.URL, string(certificate)}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(opened.Swap(0))
	}
	return lines.Err()
}
