package main

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// cpuTime is what this process has used so far, in user and in kernel mode.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// peakMemory is the most that this process had resident, in bytes. The figure that the parent gets when a process ends would
// include the parent's own.
func peakMemory() (int64, error) {
	kilobytes, err := procField("/proc/self/status", "VmHWM")
	return kilobytes << 10, err
}

// procField reads a number of a file of lines such as "VmHWM:   1234 kB".
func procField(file, name string) (int64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(data, []byte(name+":"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0, os.ErrNotExist
	}
	return strconv.ParseInt(string(fields[0]), 10, 64)
}

// processorName is the model of the processor.
func processorName() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, _ := bytes.Cut(data, []byte("model name"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	return string(bytes.Trim(line, " \t:"))
}
