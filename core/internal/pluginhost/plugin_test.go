// Plugins as real processes: a normal life, and each way to end it.

//go:build unix

package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

func TestNormalLife(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := start(t, h, spec(`{"size":5}`, "source"))
	if i := p.Info(); i.Name != "fake" || i.Version != "1.2.3" || i.Kind != sdk.KindSource || !json.Valid(i.Config) {
		t.Errorf("info %+v", i)
	}
	out := &collected{}
	if err := read(t, p, out); err != nil {
		t.Fatal(err)
	}
	if got := out.payload.String(); got != "\"xxx\"\n" {
		t.Errorf("read %q", got)
	}
	if left := files(t, h.dir.path); len(left) > 0 {
		t.Errorf("once connected, no socket has a name, but there is %v", left)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	select {
	case <-p.Exited():
	default:
		t.Error("Exited is open after Stop")
	}
	if err := syscall.Kill(p.Pid(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
	if err := read(t, p, out); !errors.Is(err, errStopped) || !strings.HasPrefix(err.Error(), "source fake: ") {
		t.Errorf("read after stop: %v", err)
	}
}

func TestOptionalInterfacesAreThePlugins(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, c := range []struct {
		role                   []string
		open, commit, streamer bool
	}{
		{role: []string{"transform"}},
		{role: []string{"transform", "stateful"}, open: true, commit: true},
		{role: []string{"transform", "renaming"}, streamer: true},
	} {
		p := start(t, h, spec(`{}`, c.role...))
		tr := p.Transform()
		can := host.AbilitiesOf(tr)
		open, commit, stream := can.Open != nil, can.Commit != nil, can.OutStreams != nil
		if open != c.open || commit != c.commit || stream != c.streamer {
			t.Errorf("%v: open %v, commit %v, streams %v", c.role, open, commit, stream)
		}
		if _, err := tr.Transform(t.Context(), sdk.Batch{Stream: "s", Count: 1, Payload: []byte("1\n")}); err != nil {
			t.Errorf("%v: %v", c.role, err)
		}
		if open {
			if err := can.Open(t.Context(), sdk.Start{Run: "r"}); err != nil {
				t.Error(err)
			}
		}
		if commit {
			if token, err := can.Commit(t.Context()); string(token) != "t" || err != nil {
				t.Errorf("token %q, %v", token, err)
			}
		}
		if stream {
			if out, err := can.OutStreams(t.Context(), nil); len(out) != 1 || err != nil {
				t.Errorf("streams %v, %v", out, err)
			}
		}
	}
	for _, c := range []struct {
		role         []string
		open, finish bool
	}{{[]string{"sink"}, false, false}, {[]string{"sink", "open"}, true, false},
		{[]string{"sink", "finish"}, false, true}, {[]string{"sink", "all"}, true, true}} {
		s := start(t, h, spec(`{}`, c.role...))
		can := host.AbilitiesOf(s.Sink())
		open, finish, parallel := can.Open != nil, can.Finish != nil, can.Parallel
		if open != c.open || parallel != c.open || finish != c.finish {
			t.Errorf("%v: open %v, parallel %v, finish %v", c.role, open, parallel, finish)
		}
		if c.finish {
			if err := can.Finish(t.Context(), sdk.End{Run: "r1"}); err == nil || err.Error() != "end of r1" {
				t.Errorf("%v: an error of Finish came as %v", c.role, err)
			}
		}
		if c.open {
			if err := s.Stop(t.Context()); err == nil || err.Error() != "sink fake: close: the disk is full" {
				t.Errorf("an error of Close came as %v", err)
			}
		}
	}
}

func TestErrorsKeepTheirClass(t *testing.T) {
	t.Parallel()
	p := start(t, newHost(t), spec(`{"do":"fail"}`, "source"))
	err := read(t, p, &collected{})
	if err == nil || err.Error() != "the far end is busy" || sdk.RetryDelay(err) != time.Minute || isCrash(err) {
		t.Errorf("got %v", err)
	}
}

// TestHalfASecretInALongError: the plugin's side cuts what is too long to travel, and knows no
// secrets.
func TestHalfASecretInALongError(t *testing.T) {
	t.Parallel()
	var secrets redact.Set
	secrets.Add("sesame/4711é\"open\"")
	for _, half := range []int{4, 8, len("sesame/4711é") - 1, 16} {
		long := strings.Repeat("x", 32<<10-half) + "sesame/4711é\"open\" and more"
		_, err := newHost(t).Start(t.Context(), spec(fmt.Sprintf(`{"fail":%q}`, long), "source"))
		if err == nil || strings.Contains(secrets.Error(err).Error(), "sesa") ||
			!strings.HasSuffix(secrets.Error(err).Error(), "[redacted]…") {
			t.Errorf("at %d: %.300q", half, err.Error()[max(0, len(err.Error())-60):])
		}
	}
}

func isCrash(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

func TestCrash(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for name, c := range map[string]struct{ do, want string }{
		"panic": {"panic", "source fake: the plugin died: exit status 2: " +
			"panic: runtime error: index out of range [10] with length 0 [recovered"},
		"exit": {"exit", "source fake: the plugin died: exit status 3; last lines: last words"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, h, spec(fmt.Sprintf(`{"do":%q}`, c.do), "source"))
			err := read(t, p, &collected{})
			want, _, _ := strings.Cut(c.want, " [recovered")
			if err == nil || !strings.HasPrefix(err.Error(), want) || !isCrash(err) || sdk.IsPermanent(err) {
				t.Fatalf("got %v", err)
			}
			if name == "panic" && (!strings.Contains(err.Error(), "roles_test.go:") ||
				!strings.HasSuffix(err.Error(), "; last lines: reading page 3")) {
				t.Errorf("place or last lines are missing: %v", err)
			}
			<-p.Exited()
			if err := p.Stop(t.Context()); err != nil {
				t.Errorf("stop after a crash: %v", err)
			}
		})
	}
}

func TestKilledDuringRead(t *testing.T) {
	t.Parallel()
	p := start(t, newHost(t), spec(`{"do":"hang"}`, "source"))
	out := &collected{first: func() { must(0, syscall.Kill(p.Pid(), syscall.SIGKILL)) }}
	err := read(t, p, out)
	var crash *Crash
	if !errors.As(err, &crash) || err.Error() != "source fake: the plugin died: signal: killed" {
		t.Fatalf("got %v", err)
	}
	if crash.Signal != "killed" || crash.Silent || crash.Early {
		t.Errorf("%+v", crash)
	}
	for range 3 { // it stays that way
		if err := read(t, p, out); !isCrash(err) {
			t.Errorf("a later call: %v", err)
		}
	}
}

func TestStopEndsAReadUnderWay(t *testing.T) {
	t.Parallel()
	p := start(t, newHost(t), spec(`{"do":"hang"}`, "source"))
	stopped := make(chan error, 3)
	out := &collected{first: func() {
		for range cap(stopped) {
			go func() { stopped <- p.Stop(context.Background()) }()
		}
	}}
	if err := read(t, p, out); err == nil || isCrash(err) {
		t.Errorf("read: %v", err)
	}
	for range cap(stopped) {
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
	}
}

func TestStopOfAStoppedProcess(t *testing.T) {
	t.Parallel()
	p := start(t, newHost(t), spec(`{}`, "source"))
	freeze(t, p.Pid())
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := p.Stop(ctx)
	if err == nil || !strings.Contains(err.Error(),
		"source fake: the plugin did not close within its time and was killed") {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d >= exitTimeout {
		t.Errorf("took %s: it was asked to exit though it did not answer", d)
	}
	<-p.Exited()
}

func TestProcessThatDoesNotAnswerIsKilled(t *testing.T) {
	t.Parallel()
	p := start(t, newHost(t), spec(`{}`, "source"))
	freeze(t, p.Pid())
	p.stop.Do(p.end) // Stop froze it after Drain, as it were
	<-p.Exited()
}

func TestHostCloseStopsEverything(t *testing.T) {
	t.Parallel()
	runs := shortDir(t)
	h := must(New(Options{RunDirs: runs, Sandbox: bestLevel()}))
	var pids []int
	for range 3 {
		pids = append(pids, start(t, h, spec(`{}`, "source")).Pid())
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
	if left := files(t, runs); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := h.Start(t.Context(), spec(`{}`, "source")); err == nil {
		t.Error("a closed host has started a plugin")
	}
	if err := h.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	info, err := h.Describe(t.Context(), must(os.Executable()), "", "as", "sink")
	if err != nil || info.Kind != sdk.KindSink {
		t.Errorf("%+v, %v", info, err)
	}
	if len(h.plugins) != 0 {
		t.Error("the process runs on")
	}
}

func TestPluginHasNothingOfTheHosts(t *testing.T) {
	t.Setenv("SCRAPEKIT_SECRET", "hunter2")
	p := start(t, newHost(t), spec(`{"do":"surroundings"}`, "source"))
	out := &collected{}
	if err := read(t, p, out); err != nil {
		t.Fatal(err)
	}
	var in inherited
	if err := json.Unmarshal(out.payload.Bytes(), &in); err != nil {
		t.Fatal(err)
	}
	checkInherited(t, in)
}

func checkInherited(t *testing.T, in inherited) {
	t.Helper()
	for _, kv := range in.Env {
		if slices.Contains(ownEnv(), kv) {
			continue // there is nothing in it but for the race detector
		}
		if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "PLUGIN_") && name != "SCRAPEKIT_PLUGIN" {
			t.Errorf("environment: %s", kv)
		}
	}
	if len(in.Env) == 0 || in.Stdin != `"" <nil>` {
		t.Errorf("environment %q, stdin %s", in.Env, in.Stdin)
	}
	for fd, what := range in.Files {
		n := must(strconv.Atoi(fd))
		switch {
		case what == "/dev/null" && n == 0, strings.HasPrefix(what, "pipe:") && n <= 2:
		case n > 2 && (strings.HasPrefix(what, "socket:") || strings.HasPrefix(what, "anon_inode:") ||
			strings.HasPrefix(what, "pipe:") ||
			strings.HasPrefix(what, "/proc/") || strings.HasPrefix(what, "/sys/fs/cgroup/")):
			// the plugin's own: listener and connection, poller, go-plugin's pipes, the directory
			// just read, the Go runtime's cgroup limits
		default:
			t.Errorf("descriptor %s: %s", fd, what)
		}
	}
}

func TestPluginLinesReachTheLogger(t *testing.T) {
	t.Parallel()
	log, out := logged(hclog.Debug)
	s := spec(`{"do":"log"}`, "source")
	s.Logger = log
	p := start(t, newHost(t), s)
	if err := read(t, p, &collected{}); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[DEBUG] plain red line\n", "[WARN]  low on pages: left=3\n",
		`[DEBUG] {"@level":7,"@message":1,"@timestamp":true}` + "\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
}

func TestLargeBatchPasses(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	h := newHost(t)
	sink := start(t, h, spec(`{}`, "sink"))
	batch := sdk.Batch{Stream: "s", Count: 1, Payload: append([]byte(strings.Repeat("x", size)), '\n')}
	if err := sink.Sink().Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if token, err := sink.Sink().Commit(t.Context()); err != nil || string(token) != strconv.Itoa(size+1) {
		t.Errorf("token %q, %v", token, err)
	}
	source := start(t, h, spec(fmt.Sprintf(`{"size":%d}`, size), "source"))
	out := &collected{}
	if err := read(t, source, out); err != nil || out.payload.Len() != size+1 {
		t.Errorf("read %d bytes, %v", out.payload.Len(), err)
	}
}

// TestNothingPilesUp is not parallel: it counts what the whole process has open.
func TestNothingPilesUp(t *testing.T) {
	h := newHost(t)
	cycle := func() {
		p := start(t, h, spec(`{}`, "source"))
		if err := read(t, p, &collected{}); err != nil {
			t.Fatal(err)
		}
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Start(t.Context(), spec(`{}`, "exit", "3")); err == nil {
			t.Fatal("started")
		}
	}
	cycle()
	openFiles, goroutines := counts(t)
	for range 30 {
		cycle()
	}
	settles(t, func() string {
		if f, g := counts(t); f > openFiles || g > goroutines {
			return fmt.Sprintf("%d descriptors and %d goroutines after one start and stop, %d and %d after 30 more",
				openFiles, goroutines, f, g)
		}
		return ""
	})
	if left := files(t, h.dir.path); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func BenchmarkStartStop(b *testing.B) {
	h := newHost(b)
	s := spec(`{}`, "source")
	for b.Loop() {
		p := start(b, h, s)
		if err := p.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart times a start at each level of the sandbox, of a plugin without files.
func BenchmarkStart(b *testing.B) {
	for _, level := range []sandbox.Level{sandbox.None, sandbox.Env, sandbox.Strong, sandbox.Full} {
		b.Run(string(level), func(b *testing.B) {
			if err := sandbox.System().Check(level); err != nil {
				b.Skip(err)
			}
			h := newHost(b, level)
			s := spec(`{}`, "source")
			for b.Loop() {
				p := start(b, h, s)
				b.StopTimer()
				if err := p.Stop(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkExec is what BenchmarkStart is to be compared with: this binary, started and ended.
func BenchmarkExec(b *testing.B) {
	for b.Loop() {
		p := must(os.StartProcess(must(os.Executable()), []string{filepath.Base(os.Args[0]), "-test.list=^$"},
			&os.ProcAttr{}))
		must(p.Wait())
	}
}
