// The plugins that the test binary can be.

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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// sourceConfig tells the source plugin what to do in Read.
type sourceConfig struct {
	Do   string `json:"do" default:"emit"`
	Size int    `json:"size" default:"10"`
	Fail string `json:"fail"`
	Dial string `json:"dial"`
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
		fmt.Fprintln(os.Stderr, "reading page 3")
		var pages []int
		_ = pages[s.c.Size]
	case "exit":
		fmt.Fprintln(os.Stderr, "last words")
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
		fmt.Fprintln(os.Stderr, "plain \x1b[31mred\x1b[0m line\a")
		fmt.Fprintln(os.Stderr, `{"@level":"warn","@message":"low on pages","left":3}`)
		fmt.Fprintln(os.Stderr, `{"@level":7,"@message":1,"@timestamp":true}`)
	case "hang up":
		for fd := range 64 {
			_ = syscall.Shutdown(fd, syscall.SHUT_RDWR) // what is no socket does not mind
		}
		<-ctx.Done()
		time.Sleep(time.Minute)
	case "child", "runaway":
		child := exec.Command(os.Args[0], "as", "sleep")
		child.Stderr = os.Stderr
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
	case "connect": // as often as Size says, and then nothing but to be there
		for range s.c.Size {
			if _, err := sdk.Dial(ctx, "tcp", s.c.Dial); err != nil {
				return err
			}
		}
		if err := w.Emit("things", "connected"); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
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

// fakeTransform has no optional method; the two that embed it have some.
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
	return sdk.TransformPlugin(sdk.Info{Name: "fake", Version: "1"},
		func(context.Context, struct{}) (sdk.Transform, error) {
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

type finishingSink struct{ fakeSink }

func (*finishingSink) Finish(_ context.Context, e sdk.End) error {
	return errors.New("end of " + e.Run)
}

// allSink has every optional method.
type allSink struct {
	openingSink
	finishingSink
}

func (s *allSink) Write(ctx context.Context, b sdk.Batch) error  { return s.openingSink.Write(ctx, b) }
func (s *allSink) Commit(ctx context.Context) (sdk.Token, error) { return s.openingSink.Commit(ctx) }

func (s *openingSink) Open(context.Context, sdk.Start) error { return nil }
func (s *openingSink) ParallelWrites() bool                  { return true }
func (s *openingSink) Close() error                          { return errors.New("the disk is full") }

func sinkPlugin(args []string) sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "fake", Version: "1"}, func(context.Context, struct{}) (sdk.Sink, error) {
		switch strings.Join(args, "") {
		case "open":
			return &openingSink{}, nil
		case "finish":
			return &finishingSink{}, nil
		case "all":
			return &allSink{}, nil
		}
		return &fakeSink{}, nil
	})
}

// runAsHost starts a plugin, says which, and waits to be killed.
func runAsHost(runs string) {
	signal.Ignore(os.Interrupt)
	h := must(New(Options{RunDirs: runs, Sandbox: bestLevel()}))
	p := must(h.Start(context.Background(),
		Spec{Label: "source fake", Path: must(os.Executable()), Args: []string{"as", "source"},
			Config: json.RawMessage(`{"do":"surroundings"}`)}))
	out := &collected{}
	if err := p.Source().Read(context.Background(), sdk.Split{ID: "all"}, sdk.NewWriter(out)); err != nil {
		panic(err)
	}
	fmt.Printf("%d %s", p.Pid(), out.payload.Bytes()) // the payload ends in a newline
	time.Sleep(time.Minute)
}
