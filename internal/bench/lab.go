package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/azdps/azdps/internal/bench/stub"
)

// figures are what one client process cost, for each unit of its work.
type figures struct {
	cpu, wall   float64 // seconds
	allocations float64 // 0 if they were not counted

	// Of the whole process.
	memory, heap float64 // bytes at the peak
	connections  float64 // opened
}

// lab has the stubs that the clients talk to.
type lab struct {
	ctx     context.Context
	options options
	self    string
	folder  string           // for what is needed while it lasts
	stubs   map[bool]*server // by whether it speaks HTTP/2
	runs    int
}

// server is a stub in a process of its own.
type server struct {
	service
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	trust   string // file with its certificate
}

func newLab(ctx context.Context, o options) (l *lab, err error) {
	l = &lab{ctx: ctx, options: o, stubs: map[bool]*server{}}
	if l.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if l.folder, err = os.MkdirTemp("", "azdps-bench-"); err != nil {
		return nil, err
	}
	for _, http2 := range []bool{false, true} {
		if l.stubs[http2], err = l.serve(http2); err != nil {
			l.close()
			return nil, err
		}
	}
	if o.works.MatchString(coldStart) {
		build := exec.CommandContext(ctx, "go", "build", "-o", l.folder+string(filepath.Separator), "github.com/azdps/azdps/internal/bench/cold/...")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			l.close()
			return nil, fmt.Errorf("the programs of the cold start: %w", err)
		}
	}
	return l, nil
}

func (l *lab) serve(http2 bool) (s *server, err error) {
	s = &server{command: exec.CommandContext(l.ctx, l.self, roleStub, strconv.FormatBool(http2))}
	s.command.Stderr = os.Stderr
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if s.in, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(line, &s.service); err != nil {
		return s, err
	}
	s.trust = filepath.Join(l.folder, strconv.FormatBool(http2)+".pem")
	return s, os.WriteFile(s.trust, []byte(s.Certificate), 0o600)
}

// connections is how many were opened since it was asked last.
func (s *server) connections() (float64, error) {
	if _, err := io.WriteString(s.in, "\n"); err != nil {
		return 0, err
	}
	line, err := s.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

func (l *lab) close() {
	for _, s := range l.stubs {
		_ = s.in.Close() // which ends it
		_ = s.command.Wait()
	}
	_ = os.RemoveAll(l.folder)
}

// count is the number of units of each part of a run.
func (l *lab) count(w work) int {
	count := w.count
	if l.options.quick {
		count = w.quick
	}
	if w.name == coldStart {
		return count
	}
	return max(w.warm, int(float64(count)*l.options.scale)/l.parts(w)/w.warm*w.warm)
}

func (l *lab) parts(w work) int {
	if l.options.quick {
		return 1
	}
	return max(w.turns, 1)
}

// run lets the sides take turns at the parts of a work, and takes the means of their figures.
func (l *lab) run(w work) (map[string]figures, error) {
	means := map[string]figures{}
	for range l.parts(w) {
		for _, side := range w.sides {
			f, err := l.measure(w, side)
			if err != nil {
				return nil, fmt.Errorf("%s by %s: %w", w.name, side, err)
			}
			means[side] = means[side].plus(f, 1/float64(l.parts(w)))
		}
	}
	return means, nil
}

// plus adds a share of the figures of a part.
func (f figures) plus(part figures, share float64) figures {
	return figures{
		cpu:         f.cpu + share*part.cpu,
		wall:        f.wall + share*part.wall,
		allocations: f.allocations + share*part.allocations,
		memory:      max(f.memory, part.memory),
		heap:        max(f.heap, part.heap),
		connections: f.connections + share*part.connections,
	}
}

// measure lets a side do a part of a work in a process of its own.
func (l *lab) measure(w work, side string) (figures, error) {
	s := l.stubs[w.http2]
	if w.name == coldStart {
		return l.measureColdStart(s, side, l.count(w))
	}
	j := job{Work: w.name, Side: side, URL: s.URL, Kind: w.kind, Count: l.count(w)}
	if l.options.profile != "" {
		l.runs++
		j.Profile = filepath.Join(l.options.profile, fmt.Sprintf("%s-%s-%d", w.name, side, l.runs))
	}
	argument, err := json.Marshal(j)
	if err != nil {
		return figures{}, err
	}
	if _, err := s.connections(); err != nil {
		return figures{}, err
	}
	state, out, _, err := l.execute(s, l.self, roleClient, string(argument))
	if err != nil {
		return figures{}, err
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		return figures{}, err
	}
	opened, err := s.connections()
	if err != nil {
		return figures{}, err
	}
	units := float64(j.Count)
	return figures{
		cpu:         (state.UserTime() + state.SystemTime() - r.Before).Seconds() / units,
		wall:        r.Wall.Seconds() / units,
		allocations: float64(r.Allocations) / units,
		memory:      float64(r.PeakMemory),
		heap:        float64(r.PeakHeap),
		connections: opened,
	}, nil
}

// measureColdStart takes the median of several starts. The sides have programs of their own, so that none starts with code that it does not
// need.
func (l *lab) measureColdStart(s *server, side string, count int) (f figures, err error) {
	endpoint := job{URL: s.URL}.endpoint(1)
	var cpu, wall []float64
	for range count {
		state, _, took, err := l.execute(s, filepath.Join(l.folder, side), endpoint, policyName, policyKey, stub.ID(0))
		if err != nil {
			return f, err
		}
		cpu = append(cpu, (state.UserTime() + state.SystemTime()).Seconds())
		wall = append(wall, took.Seconds())
	}
	f.cpu, f.wall = median(cpu), median(wall)
	opened, err := s.connections()
	f.connections = opened / float64(count)
	return f, err
}

// execute runs a program that trusts the stub alone, and waits for its end.
func (l *lab) execute(s *server, name string, args ...string) (*os.ProcessState, []byte, time.Duration, error) {
	var out, complaint bytes.Buffer
	command := exec.CommandContext(l.ctx, name, args...)
	command.Env = append(slices.Clone(os.Environ()), "SSL_CERT_FILE="+s.trust, "SSL_CERT_DIR="+l.folder+"/none")
	command.Stdout, command.Stderr = &out, &complaint
	start := time.Now()
	err := command.Run()
	took := time.Since(start)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("%w: %s", err, complaint.String())
	}
	return command.ProcessState, out.Bytes(), took, nil
}
