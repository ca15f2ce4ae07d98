// What a run of very many splits costs, as its user runs it: one record a split, so that the splits
// are all there is.
//
//	go test -run '^$' -bench ManySplits -benchtime 1x ./cmd/scrapekit
//	SCRAPEKIT_SPLITS=1000000 go test -run '^$' -bench ManySplits -benchtime 1x -timeout 2h ./cmd/scrapekit

//go:build linux

package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watchedFor is how long the speed is measured, with lines for people and with the live view.
const watchedFor = 5 * time.Second

// BenchmarkManySplits plans so many splits, is killed, goes on, is killed again, comes to its end
// and runs once more. It reports the peak of the host's memory over all of that, the times of a
// plan, from a start to the first split of a run that goes on, and from the last record to the end
// of the process, and the splits a second, and what each costs, in plain and in live view.
func BenchmarkManySplits(b *testing.B) {
	splits, err := strconv.Atoi(cmp.Or(os.Getenv("SCRAPEKIT_SPLITS"), "50000"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		dir := b.TempDir()
		file := write(b, dir, fmt.Sprintf(
			"pipeline {\n  commit_every = \"1s\"\n}\nsource \"generate\" {\n  records = %d\n"+
				"  splits  = %d\n}\nsink \"jsonl\" {\n  path = \"out/{stream}.jsonl\"\n}\n", splits, splits))
		m := &manySplits{B: b, file: file, peak: map[string]float64{}}

		plan := m.start("plain")
		b.ReportMetric(plan.until("planned").Seconds(), "plan-s")
		plan.killAfter(watchedFor)
		m.speed(plan, m.done(), "")

		resume := m.start("json")
		b.ReportMetric(resume.until(`"split done"`).Seconds(), "resume-s")
		resume.killAfter(0)

		before := m.done()
		live := m.start("live")
		live.killAfter(watchedFor)
		m.speed(live, m.done()-before, "live-")

		m.start("plain").end("end-s")
		if n := lines(b, filepath.Join(dir, "out")); n != splits {
			b.Fatalf("%d records delivered, want %d", n, splits)
		}
		b.ReportMetric(m.peak["host"], "host-MiB")

		again := m.start("plain")
		b.ReportMetric(again.until("planned").Seconds(), "next-plan-s")
		again.end("next-end-s")
		b.ReportMetric(m.peak["host"], "next-host-MiB")
	}
}

// speed reports how many splits a second a start has done, and what of the processor's time the
// host itself took for each.
func (m *manySplits) speed(s *aStart, splits int, of string) {
	m.Helper()
	if splits == 0 {
		m.Fatalf("no split was done in %s", watchedFor)
	}
	cpu := s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
	m.ReportMetric(float64(splits)/watchedFor.Seconds(), of+"splits/s")
	m.ReportMetric(float64(cpu.Microseconds())/float64(splits), of+"host-cpu-µs/split")
}

// manySplits are the starts of one pipeline.
type manySplits struct {
	*testing.B
	file string
	peak map[string]float64
}

// aStart is one of them.
type aStart struct {
	m     *manySplits
	cmd   *exec.Cmd
	began time.Time
	out   *bufio.Reader
	said  strings.Builder // what was read of it
	ended chan struct{}   // closed when nobody looks at its memory any more
}

func (m *manySplits) start(output string) *aStart {
	m.Helper()
	s := &aStart{m: m, cmd: exec.Command(os.Args[0], "run", m.file, "--output", output), began: time.Now(),
		ended: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		m.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr, s.out = w, w, bufio.NewReader(r)
	if err := s.cmd.Start(); err != nil {
		m.Fatal(err)
	}
	_ = w.Close() // the process has its own
	stop := make(chan struct{})
	m.Cleanup(func() { _ = s.cmd.Process.Kill() }) // of one that has ended: no matter
	go func() {
		defer close(s.ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				if _, err := os.Stat(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)); err != nil {
					return
				}
				seePeaks(m.peak, s.cmd.Process.Pid)
			}
		}
	}()
	m.Cleanup(func() { close(stop) })
	return s
}

// until waits until the process says text, and returns how long that took from its start.
func (s *aStart) until(text string) time.Duration {
	s.m.Helper()
	for {
		line, err := s.out.ReadString('\n')
		s.said.WriteString(line)
		if strings.Contains(line, text) {
			return time.Since(s.began)
		}
		if err != nil {
			s.m.Fatalf("it ended without saying %q:\n%s", text, s.said.String())
		}
	}
}

// killAfter kills the process some time after what it said last.
func (s *aStart) killAfter(d time.Duration) {
	s.m.Helper()
	go func() { _, _ = io.Copy(io.Discard, s.out) }() // until it is dead
	time.Sleep(d)
	if err := s.cmd.Process.Kill(); err != nil {
		s.m.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed
	<-s.ended
}

// end waits for the process's own end, and reports how long that took from the last record on.
func (s *aStart) end(metric string) {
	s.m.Helper()
	rest, err := io.ReadAll(s.out)
	if err != nil {
		s.m.Fatal(err)
	}
	at := time.Now() // its output ends with it
	if err := s.cmd.Wait(); err != nil {
		s.m.Fatalf("%v\n%s%s", err, s.said.String(), rest)
	}
	<-s.ended
	info, err := os.Stat(filepath.Join(filepath.Dir(s.m.file), "out", "records.jsonl"))
	if err != nil {
		s.m.Fatal(err)
	}
	if last := info.ModTime(); last.After(s.began) {
		s.m.ReportMetric(at.Sub(last).Seconds(), metric)
	}
	s.m.ReportMetric(at.Sub(s.began).Seconds(), strings.Replace(metric, "end", "run", 1))
}

// done returns how many splits the state has as done.
func (m *manySplits) done() int {
	m.Helper()
	out, err := exec.Command(os.Args[0], "state", "show", m.file).Output()
	if err != nil {
		m.Fatal(err)
	}
	_, table, _ := strings.Cut(string(out), "\nRUN")
	_, row, _ := strings.Cut(table, "\n")
	fields := strings.Fields(row)
	const column = 5 // of the splits done: id, day, time, outcome and starts stand before it
	for i := column; i < len(fields); i++ {
		if n, err := strconv.Atoi(fields[i]); err == nil {
			return n
		}
	}
	m.Fatalf("no splits in %q", out)
	return 0
}
