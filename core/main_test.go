// What the tests of whole runs share: a source that reads a test server, and the test binary as its
// process.

package core_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/plugins/sinks/jsonl"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		for _, p := range plugins() {
			if p.Name == os.Args[2] {
				serve.Main(p)
			}
		}
	case len(os.Args) == 3 && os.Args[1] == "hold":
		hold(os.Args[2])
	default:
		if level, reason := core.BestSandbox(); reason != nil {
			fmt.Println("plugins run at the sandbox level", level+":", reason)
			_ = os.Setenv(core.SandboxVar, level)
		}
		// A plugin with the race detector waits a second at its end by itself.
		_ = os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
		os.Exit(m.Run())
	}
}

func plugins() []sdk.Plugin { return []sdk.Plugin{webPlugin(), jsonl.Plugin(), diaryPlugin()} }

// web reads lines from a server; one that begins with "bad" is rejected, one that begins with
// "gone" is a deletion.
type web struct{ webConfig }

type webConfig struct {
	URL   string `json:"url" required:"true" host:"true"`
	Token string `json:"token" sensitive:"true"`
}

func webPlugin() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "web", Version: "1"},
		func(_ context.Context, c webConfig) (sdk.Source, error) {
			if strings.HasSuffix(c.URL, "/wrong") {
				return nil, fmt.Errorf("url: wrong for %s", c.Token)
			}
			return &web{c}, nil
		})
}

func (w *web) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "lines", PrimaryKey: []string{"id"}}}, nil
}

func (w *web) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all", Stream: "lines"}}, nil
}

func (w *web) Read(ctx context.Context, _ sdk.Split, out *sdk.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Token", w.Token)
	res, err := sdk.HTTPClient(ctx).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		said, err := io.ReadAll(res.Body)
		sdk.Log(ctx).Warn("refused", "by", string(said))
		return sdk.Permanent(fmt.Errorf("the server said: %s (%w)", said, err))
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && err == nil {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "bad"):
			err = out.Reject("lines", lines.Bytes(), "bad: "+line)
		case strings.HasPrefix(line, "gone"):
			err = out.Delete("lines", map[string]string{"id": line})
		case strings.HasPrefix(line, "missing"):
			sdk.Missing(ctx, line, errors.New("500 from the server"))
		case strings.HasPrefix(line, "keep"):
			var kept reply.File
			if kept, err = sdk.Keep(ctx, line, w.URL); err == nil {
				err = out.Emit("lines", map[string]any{"id": line, "file": kept})
			}
		case strings.HasPrefix(line, "panic"):
			fmt.Fprintln(os.Stderr, "about to read", line, w.Token)
			var places []string
			_ = places[len(line)]
		case strings.HasPrefix(line, "error"):
			return errors.New(line)
		case strings.HasPrefix(line, "raw"):
			err = out.Batch(sdk.Batch{Stream: "lines", Count: 1, Payload: []byte("\"\xff\"\n")})
		default:
			err = out.Emit("lines", map[string]string{"id": line})
		}
	}
	return err
}

// serving returns the address of a server that always says the same.
func serving(t *testing.T, lines string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = io.WriteString(w, lines)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// output is what a run prints, by several goroutines.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// options are those of a program whose plugins are the test binary.
func options(out, log io.Writer) core.Options {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return core.Options{
		Version: "test", Plugins: plugins(), Stdout: out, Log: log, Level: hclog.Debug,
		Serve: func(name string) (string, []string) { return self, []string{"serve", name} },
	}
}

// pipelineFile writes a pipeline file into a folder of its own.
func pipelineFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "web.hcl")
	rewrite(t, file, text)
	return file
}

func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, file string, o core.Options) *core.Pipeline {
	t.Helper()
	p, diags := core.Load(t.Context(), file, o)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

// run runs a pipeline once, to whatever end.
func run(t *testing.T, p *core.Pipeline, o core.RunOptions) (*core.Report, error) {
	t.Helper()
	r, err := p.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	return r.Wait(t.Context())
}
