// The test binary is also the plugin, and the host that is killed: see TestMain.

//go:build unix

package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "as" {
		os.Exit(m.Run())
	}
	switch name, args := os.Args[2], os.Args[3:]; name {
	case "source":
		serve.Main(sourcePlugin())
	case "transform":
		serve.Main(transformPlugin(args))
	case "sink":
		serve.Main(sinkPlugin(args))
	case "say": // a line on stdout, another on stderr, then nothing for a while
		fmt.Fprintln(os.Stderr, "about to speak")
		fmt.Println(strings.ReplaceAll(args[0], "$DIR", os.Getenv("PLUGIN_UNIX_SOCKET_DIR")))
		time.Sleep(time.Minute)
	case "sleep":
		fmt.Fprintln(os.Stderr, "still at it")
		time.Sleep(time.Minute)
	case "mute":
		os.Stdout.Close()
		time.Sleep(time.Minute)
	case "exit":
		fmt.Fprintln(os.Stderr, "no license\x1b[31m found")
		syscall.Exit(must(strconv.Atoi(args[0])))
	case "host":
		runAsHost(args[0])
	default:
		panic("no such role: " + name)
	}
	syscall.Exit(0) // not by the race detector's exit, which takes a second
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sourceConfig tells the source plugin what to do in Read.
type sourceConfig struct {
	Do   string `json:"do" default:"emit"`
	Size int    `json:"size" default:"10"`
	Fail string `json:"fail"`
}

type fakeSource struct{ c sourceConfig }

func sourcePlugin() sdk.Plugin {
	info := sdk.Info{Name: "fake", Version: "1.2.3", Doc: "A source for tests."}
	return sdk.SourcePlugin(info, func(_ context.Context, c sourceConfig) (sdk.Source, error) {
		if c.Fail != "" {
			return nil, sdk.Permanent(errors.New(c.Fail))
		}
		if c.Do == "die at once" {
			syscall.Exit(7)
		}
		return &fakeSource{c}, nil
	})
}

func (s *fakeSource) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "things"}}, nil
}

func (s *fakeSource) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all", Stream: "things"}}, nil
}

func (s *fakeSource) Read(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
	switch s.c.Do {
	case "emit":
		line := append(bytes.Repeat([]byte("x"), s.c.Size), '\n')
		line[0], line[s.c.Size-1] = '"', '"'
		return w.Batch(sdk.Batch{Stream: "things", Count: 1, Payload: line})
	case "panic":
		fmt.Fprintln(os.NewFile(2, "stderr"), "reading page 3")
		var pages []int
		_ = pages[s.c.Size]
	case "exit":
		syscall.Exit(3)
	case "hang":
		if err := w.Emit("things", "first"); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	case "fail":
		return sdk.RetryAfter(errors.New("the far end is busy"), time.Minute)
	case "log":
		fmt.Fprintln(os.NewFile(2, "stderr"), "plain \x1b[31mred\x1b[0m line\a")
		fmt.Fprintln(os.NewFile(2, "stderr"), `{"@level":"warn","@message":"low on pages","left":3}`)
		fmt.Fprintln(os.NewFile(2, "stderr"), `{"@level":7,"@message":1,"@timestamp":true}`)
	case "hang up":
		for fd := range 64 {
			_ = syscall.Shutdown(fd, syscall.SHUT_RDWR) // what is no socket does not mind
		}
		<-ctx.Done()
		time.Sleep(time.Minute)
	case "child", "runaway":
		child := exec.Command(os.Args[0], "as", "sleep")
		child.Stderr = os.NewFile(2, "stderr")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: s.c.Do == "runaway"}
		if err := child.Start(); err != nil {
			return err
		}
		if err := w.Emit("things", child.Process.Pid); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		<-ctx.Done()
	case "surroundings":
		return w.Emit("things", surroundings())
	}
	return nil
}

// inherited is what a plugin finds round itself.
type inherited struct {
	Env   []string
	Stdin string
	Files map[string]string // descriptor: what it is
}

func surroundings() inherited {
	in := inherited{Env: os.Environ(), Files: map[string]string{}}
	text, err := io.ReadAll(os.Stdin)
	in.Stdin = fmt.Sprintf("%q %v", text, err)
	for fd := range 64 {
		if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
			in.Files[strconv.Itoa(fd)] = name
		}
	}
	return in
}

// fakeTransform has every method; plain and stateful say which are seen.
type fakeTransform struct{}

func (fakeTransform) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	return []sdk.Batch{b}, nil
}

type statefulTransform struct{ fakeTransform }

func (statefulTransform) Open(context.Context, sdk.Start) error     { return nil }
func (statefulTransform) Commit(context.Context) (sdk.Token, error) { return sdk.Token("t"), nil }

type renamingTransform struct{ fakeTransform }

func (renamingTransform) OutStreams(_ context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	return append(in, sdk.Stream{Name: "more"}), nil
}

func transformPlugin(args []string) sdk.Plugin {
	return sdk.TransformPlugin(sdk.Info{Name: "fake", Version: "1"}, func(context.Context, struct{}) (sdk.Transform, error) {
		switch strings.Join(args, "") {
		case "stateful":
			return statefulTransform{}, nil
		case "renaming":
			return renamingTransform{}, nil
		}
		return fakeTransform{}, nil
	})
}

type fakeSink struct{ size int }

func (s *fakeSink) Write(_ context.Context, b sdk.Batch) error {
	s.size += len(b.Payload)
	return nil
}

func (s *fakeSink) Commit(context.Context) (sdk.Token, error) {
	return sdk.Token(strconv.Itoa(s.size)), nil
}

type openingSink struct{ fakeSink }

func (s *openingSink) Open(context.Context, sdk.Start) error { return nil }
func (s *openingSink) ParallelWrites() bool                  { return true }
func (s *openingSink) Close() error                          { return errors.New("the disk is full") }

func sinkPlugin(args []string) sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "fake", Version: "1"}, func(context.Context, struct{}) (sdk.Sink, error) {
		if len(args) > 0 {
			return &openingSink{}, nil
		}
		return &fakeSink{}, nil
	})
}

// runAsHost starts a plugin, says which, and waits to be killed.
func runAsHost(runs string) {
	signal.Ignore(os.Interrupt)
	h := must(New(Options{RunDirs: runs}))
	p := must(h.Start(context.Background(), Spec{Label: "source fake", Path: must(os.Executable()), Args: []string{"as", "source"},
		Config: json.RawMessage(`{"do":"surroundings"}`)}))
	out := &collected{}
	if err := p.Source().Read(context.Background(), sdk.Split{ID: "all"}, sdk.NewWriter(out)); err != nil {
		panic(err)
	}
	fmt.Printf("%d %s", p.Pid(), out.payload.Bytes()) // the payload ends in a newline
	time.Sleep(time.Minute)
}

// collected is an sdk.Output that keeps what comes.
type collected struct {
	payload bytes.Buffer
	first   func() // called when the first batch has come
}

func (c *collected) Batch(b sdk.Batch) error {
	c.payload.Write(b.Payload)
	if c.first != nil {
		c.first()
		c.first = nil
	}
	return nil
}
func (c *collected) Cursor([]byte) error     { return nil }
func (c *collected) Split(sdk.Split) error   { return nil }
func (c *collected) Reject(sdk.Reject) error { return nil }

// newHost makes a host whose run directories are the test's own.
func newHost(t testing.TB) *Host {
	t.Helper()
	h, err := New(Options{RunDirs: shortDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// shortDir is a t.TempDir with a name that leaves room for a socket's.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// spec is a plugin of this test binary.
func spec(config string, role ...string) Spec {
	return Spec{Label: role[0] + " fake", Path: must(os.Executable()), Args: append([]string{"as"}, role...), Config: json.RawMessage(config)}
}

func start(t testing.TB, h *Host, s Spec) *Plugin {
	t.Helper()
	p, err := h.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// read reads the fake source's only split.
func read(t testing.TB, p *Plugin, out *collected) error {
	t.Helper()
	return p.Source().Read(t.Context(), sdk.Split{ID: "all"}, sdk.NewWriter(out))
}

// files lists what is in dir, at any depth, without the locks.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && path != dir && d.Name() != lockName {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// counts returns how many descriptors and goroutines this process has.
func counts(t testing.TB) (openFiles, goroutines int) {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), runtime.NumGoroutine()
}

// settles waits until problem finds none, for as long as a slow machine may need.
func settles(t testing.TB, problem func() string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		p := problem()
		if p == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(p)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// zombie reports whether the process has ended and only waits for whoever adopted it. Only Linux tells.
func zombie(pid int) bool { return processState(pid) == "Z" }

// freeze stops a process and returns when all its threads have stopped.
func freeze(t testing.TB, pid int) {
	t.Helper()
	must(0, syscall.Kill(pid, syscall.SIGSTOP))
	settles(t, func() string {
		if s := processState(pid); s != "T" && s != "" {
			return "the process runs on, in state " + s
		}
		return ""
	})
}

// processState is the letter that Linux gives it, "" where there is none.
func processState(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}
