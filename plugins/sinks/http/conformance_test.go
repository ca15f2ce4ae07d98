// The sink against the suite, and killed at everything that it does.

package httpsink

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sinks/http/httpsinktest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// noting is a sink that notes its private folder.
type noting struct {
	*Sink
	dirs *sync.Map // by URL
}

func (n *noting) Open(ctx context.Context, s sdk.Start) error {
	n.dirs.Store(n.URL, s.Dir)
	return n.Sink.Open(ctx, s)
}

func (n *noting) Commit(ctx context.Context) (sdk.Token, error) { return n.Sink.Commit(ctx) }

// notingPlugin is the plugin, and where the private folders are.
func notingPlugin() (sdk.Plugin, *sync.Map) {
	p, dirs := Plugin(), new(sync.Map)
	inner := p.New
	p.New = func(ctx context.Context, config json.RawMessage) (any, error) {
		v, err := inner(ctx, config)
		if err != nil {
			return nil, err
		}
		return &noting{v.(*Sink), dirs}, nil
	}
	return p, dirs
}

func urlFor(base, dir string) string {
	return base + "/" + filepath.Base(filepath.Dir(dir)) + filepath.Base(dir) + "/{stream}"
}

// records are those of a stream that the endpoint has or is to get: what is in the outbox is
// committed, or will be dropped by whoever opens it next. Keys of an earlier beginning are those of
// runs that a full run has replaced.
func records(t *testing.T, url, stream, private string, taken []httpsinktest.Taken) []string {
	t.Helper()
	box := filepath.Join(private, "outbox")
	mark, err := os.ReadFile(filepath.Join(box, "mark"))
	if err != nil {
		return nil
	}
	keys := map[string][]string{}
	for _, one := range taken {
		if strings.HasSuffix(strings.ReplaceAll(url, "{stream}", stream), one.Path) &&
			strings.HasPrefix(one.Key, string(mark)+"-") {
			keys[one.Key] = one.Records
		}
	}
	sealed, err := filepath.Glob(filepath.Join(box, string(mark)+"-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sealed {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := batchOf(raw)
		if err != nil {
			t.Fatal(err)
		}
		if b.Stream == stream {
			id, _, _ := strings.Cut(filepath.Base(path), ".")
			keys[id] = strings.Split(string(bytes.Join(b.records, []byte("\n"))), "\n")
		}
	}
	var out []string
	for some := range maps.Values(keys) {
		for _, r := range some {
			if !strings.HasPrefix(r, `{"_op"`) {
				out = append(out, r)
			}
		}
	}
	return out
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, format := range []string{asJSON, asNDJSON} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			server := httpsinktest.New(t)
			p, dirs := notingPlugin()
			sdktest.TestSink(t, p, sdktest.SinkCase{
				Config: func(_ *testing.T, dir string) any {
					return map[string]any{"url": urlFor(server.URL, dir), "format": format, "idempotent": true,
						"max_bytes": 20_000}
				},
				Read: func(t *testing.T, dir, stream string) []string {
					url := urlFor(server.URL, dir)
					private, _ := dirs.Load(url)
					return records(t, url, stream, private.(string), server.Taken())
				},
				Host: sdk.Host{Transport: http.DefaultTransport},
			})
			if wrong := server.Wrong(); len(wrong) > 0 {
				t.Errorf("other bytes under a known key: %q", wrong)
			}
		})
	}
}

// serverVar tells the process that is killed where the server is.
const serverVar = "SINK_HTTP_SERVER"

//ci:plain
func TestCrash(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	if testing.Short() {
		t.Skip("it is killed hundreds of times")
	}
	server := &httpsinktest.Server{URL: os.Getenv(serverVar)}
	if server.URL == "" {
		server = httpsinktest.New(t)
		server.Fault = func(n int) httpsinktest.Fault {
			if n%7 == 0 {
				return httpsinktest.LostAfter
			}
			return httpsinktest.None
		}
		if err := os.Setenv(serverVar, server.URL); err != nil {
			t.Fatal(err)
		}
	}
	sdktest.CrashSink(t, Plugin(), sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return map[string]any{"url": urlFor(server.URL, dir), "format": asNDJSON, "idempotent": true}
		},
		Read: func(t *testing.T, dir, stream string) []string {
			return records(t, urlFor(server.URL, dir), stream, filepath.Join(dir, ".private"), server.Taken())
		},
		Host: sdk.Host{Transport: again{}}, Remote: true,
	})
	if wrong := server.Wrong(); len(wrong) > 0 {
		t.Errorf("other bytes under a known key: %q", wrong)
	}
	if _, known := server.Requests(); known == 0 {
		t.Error("no request came again: the test proves less than it says")
	}
}

// again sends a request whose connection was closed once more, as the host does.
type again struct{}

func (again) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil || r.GetBody == nil {
		return resp, err
	}
	body, bodyErr := r.GetBody()
	if bodyErr != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = body
	return http.DefaultTransport.RoundTrip(r)
}
