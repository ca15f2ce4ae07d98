// Wrong plugins: each breaks the contract in one way, and the suite has to say so.

package sdktest

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// wrongEnv names the wrong plugin that the test binary, started once more, is to test.
const wrongEnv = "SDKTEST_WRONG"

// wrongs are the plugins, with a word of the check that must find them out.
var wrongs = map[string]struct {
	check string
	test  func(t *testing.T)
}{
	"source repeats a record when it resumes": {"resume",
		wrongSource(func(ctx context.Context, s sdk.Split, m *MemorySource, w *sdk.Writer) error {
			if n, err := position(s.Cursor); err == nil && n > 0 {
				if err := w.Emit("records", m.Record(s.ID, n-1)); err != nil {
					return err
				}
			}
			return m.Read(ctx, s, w)
		})},
	"source skips a record when it resumes": {"resume",
		wrongSource(func(ctx context.Context, s sdk.Split, m *MemorySource, w *sdk.Writer) error {
			if string(s.Cursor) == "4" {
				s.Cursor = []byte("5")
			}
			return m.Read(ctx, s, w)
		})},
	"source ends quietly when it is cancelled": {"cancel",
		wrongSource(func(ctx context.Context, s sdk.Split, m *MemorySource, w *sdk.Writer) error {
			if err := m.Read(ctx, s, w); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})},
	"source ignores its output's errors": {"output_fails",
		wrongSource(func(ctx context.Context, s sdk.Split, m *MemorySource, w *sdk.Writer) error {
			if err := m.Read(ctx, s, w); errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})},
	"source hides the class of errors": {"error_classes", func(t *testing.T) {
		p := sourcePlugin(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
			r, err := sdk.HTTPClient(ctx).Get("http://remote.test/")
			if err != nil {
				return errors.New(err.Error())
			}
			return r.Body.Close()
		})
		TestSource(t, p, SourceCase{Host: sdk.Host{Transport: answering{}}})
	}},
	"source is not the same twice": {"read", func(t *testing.T) {
		var n atomic.Int64
		TestSource(t, sourcePlugin(func(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
			return w.Emit("records", map[string]any{"id": "a", "n": n.Add(1)})
		}), SourceCase{})
	}},
	"source skips only now and then": {"read", func(t *testing.T) {
		var n atomic.Int64
		TestSource(t, sourcePlugin(func(_ context.Context, _ sdk.Split, _ *sdk.Writer) error {
			if n.Add(1)%2 == 0 {
				return sdk.Skip(errors.New("not now"))
			}
			return nil
		}), SourceCase{})
	}},
	"source skips what it cannot read": {"bad_replies", func(t *testing.T) {
		TestSource(t, sourcePlugin(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
			r, err := sdk.HTTPClient(ctx).Get("http://remote.test/")
			if err != nil {
				return err
			}
			defer r.Body.Close()
			if r.StatusCode >= 500 {
				return sdk.Skip(errors.New("it is broken"))
			}
			return w.Emit("records", map[string]any{"id": "a"})
		}), SourceCase{Host: sdk.Host{Transport: answering{}}})
	}},
	"source deletes by another field":     {"read", deletingSource(map[string]any{"n": 1})},
	"source deletes by more than the key": {"read", deletingSource(map[string]any{"id": "s0-1", "n": 1})},
	"source plans a split without an id": {"in_process", func(t *testing.T) {
		TestSource(t, splitsPlugin(sdk.Split{Stream: "records"}), SourceCase{})
	}},
	"source adds a split without an id": {"read",
		wrongSource(func(ctx context.Context, s sdk.Split, m *MemorySource, w *sdk.Writer) error {
			if err := w.Split(sdk.Split{Stream: "records"}); err != nil {
				return err
			}
			return m.Read(ctx, s, w)
		})},
	"sink forgets to cut": {"back_to_a_token", wrongSink(func(m *MemorySink, s sdk.Start) sdk.Start {
		if s.Token != nil {
			m.kept = len(m.log)
			s.Token, _ = (&memoryProcess{disk: m, session: m.session}).Commit(context.Background())
		}
		return s
	})},
	"sink keeps what came before the first commit": {"killed_before_any_commit",
		wrongSink(func(m *MemorySink, s sdk.Start) sdk.Start {
			if s.Token == nil {
				s.Token, _ = (&memoryProcess{disk: m, session: m.session}).Commit(context.Background())
			}
			return s
		})},
	"sink forgets deletions of many": {"deletions", wrongSink(func(_ *MemorySink, s sdk.Start) sdk.Start {
		for i := range s.Streams {
			s.Streams[i].PrimaryKey = []string{"id"}
		}
		return s
	})},
	"sink ignores a full run": {"full_run", wrongSink(func(_ *MemorySink, s sdk.Start) sdk.Start {
		s.Full = false
		return s
	})},
	"sink promises what it has no means for": {"guarantee",
		promisingSink(sdk.Guarantee{Delivery: sdk.ExactlyOnce, Why: "it says so"}, nil)},
	"sink does not say why it guarantees so": {"guarantee",
		promisingSink(sdk.Guarantee{Delivery: sdk.AtLeastOnce}, nil)},
	"sink promises one record a key and holds two": {"killed_before_any_commit", promisingSink(
		sdk.Guarantee{Delivery: sdk.OncePerKey, Why: "of the key"},
		func(all []string) []string { return append(all, all...) })},
	"sink that promises little loses a record": {"back_to_a_token", promisingSink(
		sdk.Guarantee{Delivery: sdk.AtLeastOnce, Why: "it cannot go back"},
		func(all []string) []string { return all[:max(0, len(all)-1)] })},
	"transform mixes up concurrent calls": {"at_once", func(t *testing.T) {
		var calls atomic.Int64
		wrongTransform(t, func(b sdk.Batch) ([]sdk.Batch, error) {
			if n := calls.Add(1); n > 40 { // the serial ones come first
				return []sdk.Batch{batchOf("upper", `{"call":`+strings.Repeat("1", int(n%5)+1)+`}`)}, nil
			}
			return upper{}.Transform(context.Background(), b)
		})
	}},
	"transform changes its input": {"in_process", func(t *testing.T) {
		wrongTransform(t, func(b sdk.Batch) ([]sdk.Batch, error) {
			b.Payload[0] = ' '
			return nil, nil
		})
	}},
	"stateful transform ignores its token": {"back_to_a_token", func(t *testing.T) {
		testNumbering(t, func() sdk.Transform { return &forgetful{} })
	}},
	"stateful transform commits what is not its state": {"back_to_a_token", func(t *testing.T) {
		testNumbering(t, func() sdk.Transform { return &early{} })
	}},
	"stateful transform ignores its token after a crash": {"killed_between_calls", func(t *testing.T) {
		crashNumbering(t, func() sdk.Transform { return &forgetful{} })
	}},
	"sink leaves out the sync":                {"power_cut", crashAppending(appending{noSync: true})},
	"sink leaves out the sync of the folder":  {"power_cut", crashAppending(appending{noFolderSync: true})},
	"sink leaves what came after the token":   {"power_cut", crashAppending(appending{noCut: true})},
	"sink does not sync once it came back":    {"two_in_a_row", crashAppending(appending{noSyncAgain: true})},
	"sink takes a failed sync for a good one": {"failures", crashAppending(appending{ignoresSync: true})},
	"sink does not say why":                   {"failures", crashAppending(appending{mute: true})},
	"sink of one record a key has two": {"power_cut",
		crashAppending(appending{noCut: true, promise: sdk.OncePerKey})},
	"sink that promises little does not sync": {"power_cut",
		crashAppending(appending{noSync: true, promise: sdk.AtLeastOnce})},
	"sink writes behind half a line": {"power_cut",
		crashAppending(appending{noCut: true, promise: sdk.AtLeastOnce})},
	"sink of a database shuts nobody out":         {"fenced", testRows(rowsSink{unfenced: true})},
	"sink waits for what a killed instance holds": {"back_to_a_token", testRows(rowsSink{forgets: true})},
	"sink ends a run as often as it is told":      {"finish", testRows(rowsSink{publishes: true})},
	"sink takes back whole batches alone":         {"killed_at_a_connection", crashRows(rowsSink{whole: true})},
	"transform fails the batch for one bad record": {"junk", func(t *testing.T) {
		wrongTransform(t, func(b sdk.Batch) ([]sdk.Batch, error) {
			out, err := upper{}.Transform(context.Background(), b)
			if err != nil {
				return nil, errors.New("bad record")
			}
			return out, nil
		})
	}},
}

type answering struct{}

func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

type readFunc func(ctx context.Context, s sdk.Split, w *sdk.Writer) error

// readSource has one split, which f reads.
type readSource struct {
	MemorySource
	read readFunc
}

func (r *readSource) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
	return r.read(ctx, s, w)
}

func sourcePlugin(f readFunc) sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "wrong", Version: "1", Doc: "Wrong."},
		func(context.Context, struct{}) (sdk.Source, error) {
			return &readSource{MemorySource: MemorySource{Splits: 1}, read: f}, nil
		})
}

func deletingSource(key any) func(t *testing.T) {
	return wrongSource(func(ctx context.Context, s sdk.Split, m *MemorySource, w *sdk.Writer) error {
		if err := w.Delete("records", key); err != nil {
			return err
		}
		return m.Read(ctx, s, w)
	})
}

// plannedSource plans these splits, and reads each as if it were planned by a memory source.
type plannedSource struct {
	MemorySource
	splits []sdk.Split
}

func (p *plannedSource) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) { return p.splits, nil }

func splitsPlugin(splits ...sdk.Split) sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "wrong", Version: "1", Doc: "Wrong."},
		func(context.Context, struct{}) (sdk.Source, error) {
			return &plannedSource{MemorySource: MemorySource{Records: 3}, splits: splits}, nil
		})
}

func wrongSource(f func(context.Context, sdk.Split, *MemorySource, *sdk.Writer) error) func(t *testing.T) {
	m := &MemorySource{Splits: 1, Records: 40, Every: 2}
	return func(t *testing.T) {
		TestSource(t, sourcePlugin(func(ctx context.Context, s sdk.Split,
			w *sdk.Writer) error {
			return f(ctx, s, m, w)
		}), SourceCase{})
	}
}

// wrongProcess opens a memory sink with another start than it was given.
type wrongProcess struct {
	*memoryProcess
	change func(*MemorySink, sdk.Start) sdk.Start
}

func (w wrongProcess) Open(ctx context.Context, s sdk.Start) error {
	return w.memoryProcess.Open(ctx, w.change(w.disk, s))
}

func wrongSink(change func(*MemorySink, sdk.Start) sdk.Start) func(t *testing.T) {
	return func(t *testing.T) {
		disks := map[string]*MemorySink{}
		p := sdk.SinkPlugin(sdk.Info{Name: "wrong", Version: "1", Doc: "Wrong."}, func(_ context.Context, c struct {
			Dir string `json:"dir"`
		}) (sdk.Sink, error) {
			if disks[c.Dir] == nil {
				disks[c.Dir] = NewMemorySink()
			}
			return wrongProcess{&memoryProcess{disk: disks[c.Dir]}, change}, nil
		})
		TestSink(t, p, SinkCase{
			Config: func(_ *testing.T, dir string) any { return map[string]any{"dir": dir} },
			Read:   func(_ *testing.T, dir, stream string) []string { return disks[dir].Latest(stream) },
			Keyed:  true,
		})
	}
}

// shelf is a sink that goes on where it was and cannot go back to a token.
type shelf struct {
	sdk.Guarantee
	records map[string][]string
}

// promising gives the shelf its promise under the name that the contract has for it.
type promising struct{ *shelf }

func (p promising) Guarantee() sdk.Guarantee { return p.shelf.Guarantee }

func (s *shelf) Write(_ context.Context, b sdk.Batch) error {
	for record := range b.Records() {
		if b.Op == sdk.Upsert {
			s.records[b.Stream] = append(s.records[b.Stream], string(record))
		}
	}
	return nil
}

func (*shelf) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// promisingSink is a sink of a guarantee. Each process does to the records of the one before what
// broken does; nil: nothing.
func promisingSink(g sdk.Guarantee, broken func([]string) []string) func(t *testing.T) {
	return func(t *testing.T) {
		shelves := map[string]*shelf{}
		p := sdk.SinkPlugin(sdk.Info{Name: "promising", Version: "1", Doc: "Promises."},
			func(_ context.Context, c struct {
				Dir string `json:"dir"`
			}) (sdk.Sink, error) {
				before := shelves[c.Dir]
				if before == nil {
					before = &shelf{g, map[string][]string{}}
					shelves[c.Dir] = before
				} else if broken != nil {
					for stream, records := range before.records {
						before.records[stream] = broken(records)
					}
				}
				return promising{before}, nil
			})
		TestSink(t, p, SinkCase{
			Config: func(_ *testing.T, dir string) any { return map[string]any{"dir": dir} },
			Read: func(_ *testing.T, dir,
				stream string) []string {
				return slices.Clone(shelves[dir].records[stream])
			},
		})
	}
}

// TestSinkThatPromisesLittle passes where it keeps what it promises.
func TestSinkThatPromisesLittle(t *testing.T) {
	t.Parallel()
	promisingSink(sdk.Guarantee{Delivery: sdk.AtLeastOnce, Why: "it cannot go back"}, nil)(t)
	promisingSink(sdk.Guarantee{Delivery: sdk.OncePerKey, Why: "of the key"}, nil)(t)
}

// forgetful begins anew whatever its token says.
type forgetful struct{ numbering }

func (f *forgetful) Open(ctx context.Context, _ sdk.Start) error {
	return f.numbering.Open(ctx, sdk.Start{})
}

// early returns the state of the commit before.
type early struct {
	numbering
	last sdk.Token
}

func (e *early) Commit(ctx context.Context) (sdk.Token, error) {
	now, err := e.numbering.Commit(ctx)
	token := e.last
	e.last = now
	return token, err
}

type transformFunc func(sdk.Batch) ([]sdk.Batch, error)

func (f transformFunc) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) { return f(b) }

func (transformFunc) OutStreams(context.Context, []sdk.Stream) ([]sdk.Stream, error) {
	return upper{}.OutStreams(context.Background(), nil)
}

func wrongTransform(t *testing.T, f transformFunc) {
	p := sdk.TransformPlugin(sdk.Info{Name: "wrong", Version: "1", Doc: "Wrong."},
		func(context.Context, struct{}) (sdk.Transform, error) { return f, nil })
	TestTransform(t, p, TransformCase{Input: []sdk.Batch{batchOf("in", `{"id":"a"}`), batchOf("in", `{"id":"b"}`)}})
}

// TestWrongPlugin is run by the child process alone.
func TestWrongPlugin(t *testing.T) {
	name := os.Getenv(wrongEnv)
	if name == "" {
		t.Skip("run by TestSuiteFindsWrongPlugins")
	}
	wrongs[name].test(t)
}

func TestSuiteFindsWrongPlugins(t *testing.T) {
	t.Parallel()
	for name, w := range wrongs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := wrongPlugin(t, name)
			if err == nil {
				t.Fatalf("the suite finds nothing wrong:\n%s", out)
			}
			if !strings.Contains(out, "--- FAIL: TestWrongPlugin/") || !strings.Contains(out, "/"+w.check) {
				t.Errorf("the check %q has not found it:\n%s", w.check, out)
			}
		})
	}
}

// wrongPlugin tests a wrong plugin in a process of its own.
func wrongPlugin(t *testing.T, name string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestWrongPlugin$")
	cmd.Env = append(os.Environ(), wrongEnv+"="+name)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
