// What a plugin may do wrong, and what it must not do to others.

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
)

// mortal is a stage whose process dies when a record says so, for all its readers at once.
func mortal(source *numbers, deadly func(split string, n int) bool) pipeline.Stage[sdk.Source] {
	stage := always[sdk.Source]("source numbers", source)
	stage.Start = func(context.Context) (pipeline.Instance[sdk.Source], error) {
		exited := make(chan struct{})
		var once sync.Once
		src := *source
		src.before = func(ctx context.Context, split string, n int) error {
			if closedChan(exited) {
				return crash{}
			}
			if deadly(split, n) {
				once.Do(func() { close(exited) })
				return crash{}
			}
			if source.before != nil {
				return source.before(ctx, split, n)
			}
			return nil
		}
		return pipeline.Instance[sdk.Source]{Plugin: &src, Exited: exited,
			Stop: func(context.Context) error { return nil }}, nil
	}
	return stage
}

// Splits that kill the source are found, and take no other split down, however slow the others are.
func TestPoisonSplitsAreFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 8, records: 40, every: 10, before: func(context.Context, string, int) error {
			time.Sleep(200 * time.Millisecond) // two seconds to the first cursor
			return nil
		}})
		w.config.Source = mortal(w.source, func(split string, n int) bool {
			return split == "s1" && n == 0 || split == "s3" && n == 25 || split == "s6" && n == 3
		})
		w.config.Concurrency = 8
		res := w.run(t.Context(), t)
		var incomplete *pipeline.IncompleteError
		if res.Outcome != checkpoint.Incomplete || !errors.As(res.Err, &incomplete) {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		var broken []string
		for _, b := range incomplete.Broken {
			broken = append(broken, b.ID)
		}
		if slices.Sort(broken); !slices.Equal(broken, []string{"s1", "s3", "s6"}) {
			t.Errorf("broken: %v, want the three that kill", broken)
		}
		if n := len(w.shelf.sorted()); n != 5*40+20 {
			t.Errorf("%d records, want 5 whole splits and 20 of s3", n)
		}
	})
}

func TestUndeclaredStreamIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{})
		w.config.Source = always[sdk.Source]("source odd", emitter{stream: "nobody knows"})
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Incomplete || !strings.Contains(res.Err.Error(), `"nobody knows"`) {
			t.Errorf("outcome %s: %v", res.Outcome, res.Err)
		}
	})
}

// emitter emits one record of a stream that it may not have.
type emitter struct{ stream string }

func (emitter) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "known"}}, nil
}

func (emitter) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all"}}, nil
}

func (e emitter) Read(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
	return w.Emit(e.stream, 1)
}

// A source that names splits and counters by what a server said does not show its secrets.
func TestSecretsInNamesAreHidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{})
		var secrets redact.Set
		secrets.Add("sesame")
		w.config.Hide = secrets.String
		w.config.Source = always[sdk.Source]("source odd", telltale{stream: "known"})
		res := w.run(t.Context(), t)
		if res.Counts.Counters["odd/[redacted]"] != 1 || len(res.Counts.Counters) != 1 {
			t.Errorf("counters %v", res.Counts.Counters)
		}
		if all := fmt.Sprintf("%s", w.box.letters); strings.Contains(all, "sesa") ||
			!strings.Contains(all, "[redacted] street") || !strings.Contains(all, "split [redacted]") {
			t.Errorf("dead letters %s", all)
		}
	})
}

func TestStreamNamedByASecretIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"source": func(w *world) {
			w.config.Source = always[sdk.Source]("source odd",
				telltale{stream: "sesame street"})
		},
		"plan": func(w *world) {
			w.config.Source = always[sdk.Source]("source odd", telltale{stream: "known", splits: "sesame"})
		},
		"split": func(w *world) {
			w.config.Source = always[sdk.Source]("source odd", telltale{stream: "known", later: "sesame"})
		},
		"OutStreams": func(w *world) {
			w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("odd", renamer{says: "sesame"})}
		},
		"batch": func(w *world) {
			w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("odd", renamer{does: "sesame"})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{splits: 1, records: 1, every: 1})
				w.config.Hide = strings.NewReplacer("sesame", "[redacted]").Replace
				change(w)
				res, err := w.try(t.Context())
				if err = errors.Join(err, res.Err); err == nil ||
					!strings.Contains(err.Error(), pipeline.ErrSecretName.Error()) {
					t.Error(err)
				}
			})
		})
	}
}

// renamer says that it makes a stream, and makes one.
type renamer struct{ says, does string }

func (r renamer) OutStreams(_ context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	return append(in, sdk.Stream{Name: r.says}), nil
}

func (r renamer) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	b.Stream = r.does
	return []sdk.Batch{b}, nil
}

// telltale names its split, a counter and the stream of a reject by a secret.
type telltale struct{ stream, splits, later string }

func (e telltale) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: e.stream}}, nil
}

func (e telltale) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "split sesame", Stream: e.splits}}, nil
}

func (e telltale) Read(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
	sdk.HostOf(ctx).Count("odd/sesame", 1)
	if err := w.Split(sdk.Split{ID: "split sesame", Stream: e.later}); err != nil {
		return err
	}
	return w.Reject("sesame street", []byte(`"sesame", of what is too long the beginning, sesa`), "odd")
}

// A selection that nothing fits would drop records in silence: it is refused before anything is
// read.
func TestUnknownSelectionIsRefused(t *testing.T) {
	t.Parallel()
	for _, which := range []string{"source", "transform", "sink"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{splits: 1, records: 10, every: 5})
				same := transformFunc(func(b sdk.Batch) ([]sdk.Batch, error) { return []sdk.Batch{b}, nil })
				w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform same", same)}
				switch which {
				case "source":
					w.config.Source.Streams = []string{"numbrs"}
				case "transform":
					w.config.Transforms[0].Streams = []string{"numbrs"}
				case "sink":
					w.config.Sinks[0].Streams = []string{"numbrs"}
				}
				res := w.run(t.Context(), t)
				if res.Outcome != checkpoint.Failed || !strings.Contains(res.Err.Error(), which+" ") ||
					!strings.Contains(res.Err.Error(), `"numbrs"`) {
					t.Errorf("outcome %s: %v", res.Outcome, res.Err)
				}
				if len(w.source.plans) > 0 {
					t.Error("the source was planned")
				}
			})
		})
	}
}

// A limit on rejects holds for the run, not for one start of it.
func TestTooManyRejectsStayTooMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 1, records: 100, every: 5, before: func(context.Context, string, int) error {
			time.Sleep(time.Millisecond)
			return nil
		}})
		w.config.Sinks[0].MaxRejects = 10
		w.shelf.write = func(b sdk.Batch) error {
			var rejects sdk.Rejects
			for r := range b.Records() {
				rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: r, Reason: "never"})
			}
			return rejects
		}
		first := w.run(t.Context(), t)
		letters := len(w.box.letters)
		second := w.run(t.Context(), t)
		if first.Outcome != checkpoint.Failed || second.Outcome != checkpoint.Failed {
			t.Fatalf("outcomes %s, %s", first.Outcome, second.Outcome)
		}
		if len(w.box.letters) != letters {
			t.Errorf("the second start went on: %d dead letters, %d before", len(w.box.letters), letters)
		}
		w.config.Sinks[0].MaxRejects = -1
		if third := w.run(t.Context(), t); third.Outcome != checkpoint.Complete || len(w.box.letters) != 100 {
			t.Errorf("without the limit: %s, %d dead letters", third.Outcome, len(w.box.letters))
		}
	})
}

// A plugin that does not end well after everything is committed has done no harm.
func TestStopThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 2, records: 10, every: 5})
		start := w.config.Sinks[0].Start
		starts := 0
		w.config.Sinks[0].Start = func(ctx context.Context) (pipeline.Instance[sdk.Sink], error) {
			starts++
			inst, err := start(ctx)
			inst.Stop = func(context.Context) error { return errors.New("it would not close") }
			return inst, err
		}
		if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete || starts != 1 {
			t.Errorf("outcome %s after %d starts: %v", res.Outcome, starts, res.Err)
		}
		w.check(t, 1)
	})
}

// A sink that hangs keeps a stopped run for a while, not for ever.
func TestStoppedRunDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := newWorld(t, &numbers{splits: 1, records: 50, every: 10})
		hung := always[sdk.Sink]("sink hung", hungSink{})
		start := hung.Start
		hung.Start = func(ctx context.Context) (pipeline.Instance[sdk.Sink], error) {
			inst, err := start(ctx)
			inst.Stop = func(ctx context.Context) error { // as slowly as it may
				<-ctx.Done()
				return ctx.Err()
			}
			return inst, err
		}
		w.config.Sinks = []pipeline.Stage[sdk.Sink]{hung}
		w.config.CommitEvery = time.Hour // virtual time stands still while a commit waits for a lock
		time.AfterFunc(time.Second, stop)
		began := time.Now()
		res := w.run(ctx, t)
		if res.Outcome != checkpoint.Interrupted || res.Err == nil || !strings.Contains(res.Err.Error(), "draining") {
			t.Errorf("outcome %s: %v", res.Outcome, res.Err)
		}
		// a second before it is stopped, and what its message speaks of
		if took := time.Since(began); took > 31*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A token is kept with each commit, like a cursor: it is no place for what was written.
func TestTokenThatHoldsTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &numbers{splits: 1, records: 50, every: 10})
	w.config.Sinks = []pipeline.Stage[sdk.Sink]{always[sdk.Sink]("sink hoard", hoardingSink{})}
	res := w.run(t.Context(), t)
	if res.Outcome != checkpoint.Failed ||
		!strings.Contains(res.Err.Error(), "sink hoard: a token of 16777217 bytes, the limit is 16777216") {
		t.Errorf("outcome %s: %v", res.Outcome, res.Err)
	}
}

type hoardingSink struct{ sdk.Sink }

func (hoardingSink) Write(context.Context, sdk.Batch) error { return nil }

func (hoardingSink) Commit(context.Context) (sdk.Token, error) {
	return make(sdk.Token, sdk.MaxCursor+1), nil
}

type hungSink struct{}

func (hungSink) Write(ctx context.Context, _ sdk.Batch) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hungSink) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// Many large rejects without a cursor are held in a file, like records.
func TestRejectsAreSpooled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &numbers{})
	w.config.Source = always[sdk.Source]("source bad", rejecter{n: 300})
	w.config.GroupMemory = 64 << 10
	res := w.run(t.Context(), t)
	if res.Outcome != checkpoint.Complete {
		t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
	}
	if len(w.box.letters) != 300 {
		t.Fatalf("%d dead letters, want 300", len(w.box.letters))
	}
	for i, l := range w.box.letters {
		if l.Reason != "bad "+strconv.Itoa(i) || l.Stream != "s" || len(l.Record) != 4096 || l.Record[0] != byte(i) {
			t.Fatalf("letter %d: %q of %d bytes", i, l.Reason, len(l.Record))
		}
	}
	if c := res.Counts.Stages["source bad"]; c.In != 301 || c.Out != 1 || c.Rejected != 300 {
		t.Errorf("%+v: in = out + rejected does not hold", c)
	}
}

type rejecter struct{ n int }

func (rejecter) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "s"}}, nil
}

func (rejecter) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all"}}, nil
}

func (r rejecter) Read(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
	for i := range r.n {
		record := make([]byte, 4096)
		record[0] = byte(i)
		if err := w.Reject("s", record, fmt.Sprintf("bad %d", i)); err != nil {
			return err
		}
	}
	return w.Emit("s", 1)
}

// Several sinks each get what they select; a transform that keeps state goes back with the sinks.
func TestStatefulTransformGoesBackToItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 3, records: 90, every: 5, before: func(context.Context, string, int) error {
			time.Sleep(time.Millisecond)
			return nil
		}})
		count := &counter{}
		w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform count", count)}
		other := &shelf{}
		second := always[sdk.Sink]("sink other", memorySink{other})
		second.Streams = []string{"numbered"}
		w.config.Sinks = append(w.config.Sinks, second)
		writes := 0
		other.write = func(sdk.Batch) error {
			if writes++; writes%17 == 0 {
				return errors.New("hiccup")
			}
			return nil
		}
		if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		got := other.sorted()
		seen := map[string]bool{}
		for _, r := range got {
			seen[r] = true
		}
		if len(got) != 270 || len(seen) != 270 {
			t.Errorf("%d records, %d different: want the numbers 1 to 270, each once", len(got), len(seen))
		}
		if !slices.Equal(got, w.shelf.sorted()) {
			t.Error("the two sinks differ")
		}
		if len(other.opens) < 3 {
			t.Errorf("only %d openings: too few failures to prove anything", len(other.opens))
		}
	})
}

// counter numbers the records of a run: its state is how many there were.
type counter struct{ n int }

func (c *counter) OutStreams(context.Context, []sdk.Stream) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "numbered"}}, nil
}

func (c *counter) Open(_ context.Context, s sdk.Start) error {
	c.n = 0
	if s.Token != nil {
		c.n, _ = strconv.Atoi(string(s.Token))
	}
	return nil
}

func (c *counter) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	var out sdk.Builder
	for range b.Records() {
		c.n++
		if err := out.Add("numbered", c.n); err != nil {
			return nil, err
		}
	}
	return out.Flush(), nil
}

func (c *counter) Commit(context.Context) (sdk.Token, error) {
	return sdk.Token(strconv.Itoa(c.n)), nil
}

// How often a failing sink takes the run back before it ends is the pipeline file's to say.
func TestAttemptsOfASink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 1, records: 10, every: 5})
		w.config.Sinks[0].Attempts = 2
		w.shelf.write = func(sdk.Batch) error { return errors.New("no") }
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Failed || len(w.shelf.opens) != 2 {
			t.Errorf("outcome %s after %d openings, want 2", res.Outcome, len(w.shelf.opens))
		}
	})
}

// An optional stream is planned only where the pipeline selects it, by name or with all others.
func TestOptionalStreams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		has      []sdk.Stream
		selected []string
		want     []string
	}{
		{"none selected", []sdk.Stream{{Name: "usual"}, {Name: "rare", Optional: true}}, nil, []string{"usual"}},
		{"by name", []sdk.Stream{{Name: "usual"}, {Name: "rare", Optional: true}}, []string{"rare"}, []string{"rare"}},
		{"all", []sdk.Stream{{Name: "usual"}, {Name: "rare", Optional: true}}, []string{"*"},
			[]string{"usual", "rare"}},
		{"nothing to read", []sdk.Stream{{Name: "rare", Optional: true}}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{})
				source := &planned{has: c.has}
				w.config.Source = always[sdk.Source]("source choosy", source)
				w.config.Source.Streams = c.selected
				res := w.run(t.Context(), t)
				if !slices.Equal(source.asked, c.want) {
					t.Errorf("asked for %q, want %q: %v", source.asked, c.want, res.Err)
				}
				if c.want == nil && (res.Outcome != checkpoint.Failed ||
					!strings.Contains(res.Err.Error(), "optional")) {
					t.Errorf("outcome %s: %v", res.Outcome, res.Err)
				}
			})
		})
	}
}

// planned has streams and remembers which a plan asks for.
type planned struct {
	emitter
	has   []sdk.Stream
	asked []string
}

func (p *planned) Streams(context.Context) ([]sdk.Stream, error) { return p.has, nil }

func (p *planned) Plan(_ context.Context, plan sdk.Plan) ([]sdk.Split, error) {
	p.asked = plan.Streams
	return nil, nil
}
