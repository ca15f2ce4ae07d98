// A long run with kills and faults: it delivers what it should, and needs no more at its end than
// at its beginning.

//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestSoak delivers SCRAPEKIT_SOAK records under a kill for every ten thousand of them.
func TestSoak(t *testing.T) {
	t.Parallel()
	b := needTools(t)
	records := number(t, "SCRAPEKIT_SOAK", 50_000)
	s := &soak{records: records, kills: max(4, records/10_000),
		random: rand.New(rand.NewPCG(uint64(number(t, "SCRAPEKIT_SEED", 1)), 4))}
	server := httptest.NewServer(s)
	defer server.Close()
	x := b.newTrial(t, fmt.Sprintf("  records = %d\n  every = %d\n  url = %q\n  http {\n    rate = 100000\n  }",
		records, min(500, records/100), server.URL))
	s.trial, s.gauges = x, filepath.Join(t.TempDir(), "goroutines")
	began := time.Now()
	s.run(t)
	s.check(t)
	t.Logf("%d records in %s; %d kills: %v; requests: %v", records, time.Since(began).Round(time.Second),
		s.landed.Load(), s.of, s.answers)
	if int(s.landed.Load()) < s.kills*9/10 {
		t.Errorf("only %d of %d kills landed: the test proves less than it says", s.landed.Load(), s.kills)
	}
	s.flat(t)
}

// soak is the server of the records, and what is killed when it is asked for them.
type soak struct {
	trial
	records, kills int
	gauges         string

	asked  atomic.Int64 // the record up to which it was asked
	landed atomic.Int64
	of     map[string]int

	mu      sync.Mutex
	random  *rand.Rand
	answers map[string]int
	samples []sample
}

// faulty is one in how many requests goes wrong.
const faulty = 25

// ServeHTTP answers with records, or as servers in trouble do.
func (s *soak) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, bad := strconv.Atoi(r.URL.Query().Get("from"))
	to, err := strconv.Atoi(r.URL.Query().Get("to"))
	if err := errors.Join(bad, err); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	raw := recordsBetween(from, to)
	switch what := s.answer(); what {
	case "502":
		http.Error(w, "trouble", http.StatusBadGateway)
	case "429":
		w.Header().Set("Retry-After", "0")
		http.Error(w, "too many", http.StatusTooManyRequests)
	case "reset":
		panic(http.ErrAbortHandler)
	case "truncated":
		w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		_, _ = w.Write(raw[:len(raw)/2]) // the server ends the connection
	default:
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(raw); err == nil {
			s.asked.Store(max(s.asked.Load(), int64(to)))
		}
	}
}

func (s *soak) answer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := "records"
	if s.random.IntN(faulty) == 0 {
		what = []string{"502", "429", "reset", "truncated"}[s.random.IntN(4)]
	}
	if s.answers == nil {
		s.answers = map[string]int{}
	}
	s.answers[what]++
	return what
}

func recordsBetween(from, to int) []byte {
	var out bytes.Buffer
	out.WriteByte('[')
	for id := from; id < to; id++ {
		if id > from {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"id":%d,"pad":"%s"}`, id, strings.Repeat("x", 30*(id%9)))
	}
	out.WriteByte(']')
	return out.Bytes()
}

// run runs hosts until one has come to the end.
func (s *soak) run(t *testing.T) {
	t.Helper()
	s.of = map[string]int{}
	for {
		cmd := exec.CommandContext(t.Context(), scrapekit, "run", s.file(), "--output", "plain")
		cmd.Env = append(os.Environ(), gaugesVar+"="+s.gauges)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		err, killed := s.disturb(cmd.Process.Pid, ended)
		if err == nil {
			return
		}
		if !killed {
			t.Fatalf("the host ended by itself: %v\n%s", err, &out)
		}
	}
}

// disturb kills whenever so many more records were asked for, and takes samples, until the host has
// ended.
func (s *soak) disturb(host int, ended <-chan error) (err error, killed bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case err := <-ended:
			return err, killed
		case <-tick.C:
		}
		processes := familyOf(host)
		if n%2 == 0 {
			s.sample(processes)
		}
		done := int(s.landed.Load())
		if killed || done == s.kills || s.asked.Load() < int64(s.records/(s.kills+1)*(done+1)) {
			continue
		}
		victim := append(plugins, "host")[done%4]
		i := slices.IndexFunc(processes,
			func(p process) bool { return victim == "host" && p.pid == host || victim != "host" && p.called(victim) })
		if i < 0 || syscall.Kill(processes[i].pid, syscall.SIGKILL) != nil {
			continue // it is being started
		}
		s.landed.Add(1)
		s.of[victim]++
		killed = victim == "host"
	}
}

// process is one of a host's, or the host.
type process struct {
	pid, parent int
	args        []string
	pages, open int // of memory, and files
}

func (p process) called(name string) bool {
	return slices.ContainsFunc(p.args, func(arg string) bool { return filepath.Base(arg) == name })
}

// familyOf returns a host and the processes that it has started, and those that they have.
func familyOf(host int) []process {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	all := map[int]process{}
	for _, file := range stats {
		if p, err := readProcess(filepath.Dir(file)); err == nil { // or it is gone
			all[p.pid] = p
		}
	}
	var out []process
	for _, p := range all {
		for up := p.pid; up > 1; up = all[up].parent {
			if up == host {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

func readProcess(dir string) (p process, err error) {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return p, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, parent, rss = 0, 1, 21
	if len(fields) <= rss || fields[state] == "Z" {
		return p, os.ErrProcessDone
	}
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return p, err
	}
	p.args = strings.Split(string(args), "\x00")
	for text, to := range map[string]*int{filepath.Base(dir): &p.pid, fields[parent]: &p.parent,
		fields[rss]: &p.pages} {
		if *to, err = strconv.Atoi(text); err != nil {
			return p, err
		}
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	p.open = len(files)
	return p, err
}

// sample is what all of it needs at a moment.
type sample struct {
	memory, files, state int // MiB, number, KiB
}

func (s *soak) sample(processes []process) {
	var now sample
	if len(processes) < 4 {
		return // it is starting, or a plugin was killed
	}
	for _, p := range processes {
		now.memory += p.pages * os.Getpagesize() >> 20
		now.files += p.open
	}
	for _, name := range []string{"state.db", "state.db-wal", "state.db-shm"} {
		if info, err := os.Stat(filepath.Join(s.dir, ".scrapekit", "p", name)); err == nil {
			now.state += int(info.Size() >> 10)
		}
	}
	s.samples = append(s.samples, now)
}

// check reads what was delivered: each record once, in order, and with its number.
func (s *soak) check(t *testing.T) {
	t.Helper()
	n := 0
	s.lines(t, "out/records.jsonl", func(raw []byte) error {
		if n++; n%7 == 0 {
			n++ // is a dead letter
		}
		var got struct {
			N      int
			Record struct{ ID int }
		}
		err := json.Unmarshal(raw, &got)
		if err == nil && (got.N != n || got.Record.ID != n-1) {
			err = fmt.Errorf("number %d of record %d, where number %d should be", got.N, got.Record.ID, n)
		}
		return err
	})
	rejects := 0
	s.lines(t, ".scrapekit/p/runs/*/rejects.jsonl", func(raw []byte) error {
		rejects++
		var got struct{ Record struct{ ID int } }
		err := json.Unmarshal(raw, &got)
		if err == nil && got.Record.ID != 7*rejects-1 {
			err = fmt.Errorf("dead letter %d is record %d", rejects, got.Record.ID)
		}
		return err
	})
	if n != s.records-btoi(s.records%7 == 0) || rejects != s.records/7 {
		t.Errorf("the last record has number %d of %d, and there are %d dead letters", n, s.records, rejects)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lines reads a file of the trial.
func (s *soak) lines(t *testing.T, pattern string, f func(line []byte) error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(pattern)))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v (%v)", pattern, files, err)
	}
	file, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in := bufio.NewScanner(file)
	for in.Scan() {
		if err := f(in.Bytes()); err != nil {
			t.Fatalf("%s: %v", pattern, err)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
}

// flat compares what was needed in the first half of the time with the last quarter: nine in ten
// samples need no more. A host that starts needs less, and a process that is being started has the
// files of two.
func (s *soak) flat(t *testing.T) {
	t.Helper()
	raw, err := os.ReadFile(s.gauges)
	if err != nil {
		t.Fatal(err)
	}
	var goroutines []int
	for line := range strings.Lines(string(raw)) {
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil { // one may be torn by a kill
			goroutines = append(goroutines, n)
		}
	}
	for _, g := range []struct {
		name  string
		all   []int
		slack int // beside a quarter
	}{
		{"MiB of memory of all processes", column(s.samples, func(s sample) int { return s.memory }), 64},
		{"open files of all processes", column(s.samples, func(s sample) int { return s.files }), 8},
		// the log begins anew at 4 MiB
		{"KiB of state", column(s.samples, func(s sample) int { return s.state }), 4096},
		{"goroutines of the host", goroutines, 16},
	} {
		n := len(g.all)
		if n < 8 {
			t.Errorf("%s: only %d samples", g.name, n)
			continue
		}
		early, late := high(g.all[:n/2]), high(g.all[3*n/4:])
		t.Logf("%s: %d early, %d late, at most %d (%d samples)", g.name, early, late, slices.Max(g.all), n)
		if late > early+early/4+g.slack {
			t.Errorf("%s grow: %d early, %d late", g.name, early, late)
		}
	}
}

func column(all []sample, f func(sample) int) []int {
	out := make([]int, len(all))
	for i, s := range all {
		out[i] = f(s)
	}
	return out
}

func high(all []int) int {
	return slices.Sorted(slices.Values(all))[len(all)*9/10]
}
