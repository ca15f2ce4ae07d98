// What memory the host and a plugin take at most, by the size of the replies and by how many
// requests wait.
//
//	go test -run '^$' -bench HTTPMemory -benchtime 1x ./cmd/scrapekit

//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// most is the bound on the host's memory in MiB, whatever is asked for: 16 bodies at once of which
// each may take 8 MiB before it goes to the disk, and as much again.
const most = 256

// BenchmarkHTTPMemory reads bodies of several sizes while few or many requests wait, and reports
// the peak of the resident memory of the host and of the plugin. It fails if the host's is beyond
// its bound.
func BenchmarkHTTPMemory(b *testing.B) {
	url := startPages(b, 10<<10)
	for _, waiting := range []int{16, 10_000} {
		for _, large := range []int{0, 16 << 20, 100 << 20} {
			b.Run(fmt.Sprintf("%d-waiting/%d-MiB", waiting, large>>20), func(b *testing.B) {
				for b.Loop() {
					file := write(b, b.TempDir(),
						pagesFile(b, url, fmt.Sprintf("n = 16\n  at_once = %d\n  large = %d", waiting, large)))
					peaks := peaksOf(b, exec.Command(os.Args[0], "run", file, "--full", "--output", "plain"),
						10*time.Millisecond)
					b.ReportMetric(peaks["host"], "host-MiB")
					b.ReportMetric(peaks["pages"], "plugin-MiB")
					if peaks["host"] == 0 || peaks["pages"] == 0 || peaks["host"] > most {
						b.Errorf("peaks in MiB: %v, the host's may be %d", peaks, most)
					}
				}
			})
		}
	}
}

// peaksOf runs a host, looks at it every so often, and returns the peaks of its memory in MiB and
// of its children's, by the names of their programs.
func peaksOf(b *testing.B, host *exec.Cmd, every time.Duration) map[string]float64 {
	b.Helper()
	var out bytes.Buffer
	host.Stdout, host.Stderr = &out, &out
	if err := host.Start(); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- host.Wait() }()
	peaks := map[string]float64{}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				b.Fatalf("%v\n%s", err, out.Bytes())
			}
			return peaks
		case <-tick.C:
			seePeaks(peaks, host.Process.Pid)
		}
	}
}

// seePeaks notes the peaks so far, by the names of plugins or programs: the kernel keeps them for
// each process until it ends.
func seePeaks(peaks map[string]float64, host int) {
	peaks["host"] = max(peaks["host"], peakOf(host))
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", host))
	if err != nil {
		return // the pattern is right
	}
	for _, list := range lists {
		children, _ := os.ReadFile(list) // of a thread that has ended: none
		for _, child := range strings.Fields(string(children)) {
			pid, _ := strconv.Atoi(child)
			args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // of a process that has ended: none
			program, rest, _ := bytes.Cut(args, []byte{0})
			name := filepath.Base(string(program))
			if own, ok := bytes.CutPrefix(rest, []byte("plugins\x00serve\x00")); ok { // one of the program's own
				name = string(bytes.TrimRight(own, "\x00"))
			}
			peaks[name] = max(peaks[name], peakOf(pid))
		}
	}
}

func peakOf(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // of a process that has ended: nothing
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	_, _ = fmt.Sscan(after, &kib)
	return kib / 1024
}
