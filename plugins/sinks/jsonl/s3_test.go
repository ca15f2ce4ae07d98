// The sink on an object store, against the suite, and killed at everything that it does.

package jsonl

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// onStore are the settings of a sink whose bucket is the folder dir of a store.
func onStore(url, dir string, more map[string]any) map[string]any {
	out := map[string]any{"path": "s3://" + filepath.Base(dir) + "/x/{stream}.jsonl",
		"endpoint": url + "/" + filepath.Base(filepath.Dir(dir))}
	for name, value := range more {
		out[name] = value
	}
	return out
}

// arriving are the records of a stream that are on the store or will be: a file in the private
// folder is an object as soon as its commit is saved and the run has ended.
func arriving(t *testing.T, bucket, private, stream string) []string {
	t.Helper()
	files := map[string]string{}
	add := func(root string) {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(path) == ".jsonl" && files[d.Name()] == "" {
				files[d.Name()] = path
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	add(filepath.Join(bucket, "x"))
	add(filepath.Join(private, "objects"))
	var out []string
	for name, path := range files {
		if name == stream+".jsonl" || strings.HasPrefix(name, stream+"-0") {
			out = append(out, filesinktest.Lines(t, path, false)...)
		}
	}
	return out
}

// inFolder is a sink that notes its private folder.
type inFolder struct {
	*Sink
	note func(string)
}

func (s inFolder) Open(ctx context.Context, start sdk.Start) error {
	s.note(start.Dir)
	return s.Sink.Open(ctx, start)
}

func TestS3(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]map[string]any{
		"end":     {},
		"commit":  {"visible": "commit"},
		"rotated": {"rotate_size": "2kB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var written atomic.Int64
			store := &filesinktest.Objects{Root: os.TempDir(), Fault: func(r *http.Request) string {
				if r.Method == http.MethodPut {
					written.Add(1)
				}
				return ""
			}}
			server := httptest.NewServer(store)
			t.Cleanup(server.Close)
			p, folders := mortal(), new(sync.Map)
			inner := p.New
			p.New = func(ctx context.Context, raw json.RawMessage) (any, error) {
				v, err := inner(ctx, raw)
				if err != nil {
					return nil, err
				}
				var c Config
				err = json.Unmarshal(raw, &c)
				return inFolder{v.(*Sink), func(dir string) { folders.Store(c.Path+c.Endpoint, dir) }}, err
			}
			sdktest.TestSink(t, p, sdktest.SinkCase{
				Config: func(_ *testing.T, dir string) any { return onStore(server.URL, dir, more) },
				Read: func(t *testing.T, dir, stream string) []string {
					at := onStore(server.URL, dir, nil)
					private, _ := folders.Load(at["path"].(string) + at["endpoint"].(string))
					return arriving(t, dir, private.(string), stream)
				},
				Host: sdk.Host{Transport: http.DefaultTransport},
			})
			if written.Load() < 8 {
				t.Errorf("only %d objects were written: the test proves less than it says", written.Load())
			}
		})
	}
}

// storeVar tells the process that is killed where the store is.
const storeVar = "SINK_JSONL_STORE"

// shareVar makes one in so many operations fail. All of them take a minute.
const shareVar = "SDKTEST_CRASH_SHARE"

// again sends a request whose connection was closed once more, as the host does.
type again struct{}

func (again) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	for range 3 {
		if err == nil || r.GetBody == nil {
			break
		}
		body, bodyErr := r.GetBody()
		if bodyErr != nil {
			break
		}
		r = r.Clone(r.Context())
		r.Body = body
		resp, err = http.DefaultTransport.RoundTrip(r)
	}
	return resp, err
}

//ci:plain
func TestS3Crash(t *testing.T) {
	crashtest.Plain(t)
	if testing.Short() {
		t.Skip("it is killed hundreds of times")
	}
	var requests, lost atomic.Int64
	url := os.Getenv(storeVar)
	if url == "" {
		store := &filesinktest.Objects{Root: os.TempDir(), Fault: func(*http.Request) string {
			if requests.Add(1)%7 > 0 {
				return ""
			}
			lost.Add(1)
			return filesinktest.Landed
		}}
		server := httptest.NewServer(store)
		t.Cleanup(server.Close)
		url = server.URL
		t.Setenv(storeVar, url)
		if os.Getenv(shareVar) == "" {
			t.Setenv(shareVar, "4")
		}
	}
	sdktest.CrashSink(t, Plugin(), sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return onStore(url, dir, map[string]any{"visible": "commit"})
		},
		Read: func(t *testing.T, dir, stream string) []string {
			return arriving(t, dir, filepath.Join(dir, ".private"), stream)
		},
		Host: sdk.Host{Transport: again{}}, Remote: true,
	})
	if lost.Load() < 20 {
		t.Errorf("only %d replies were lost: the test proves less than it says", lost.Load())
	}
}
