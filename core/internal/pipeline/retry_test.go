// Waits and outages: how long a run waits for whom.

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// Nobody may ask for a longer wait than max_wait: the split ends, and the next run reads the rest
// of it.
func TestWaitsAreBounded(t *testing.T) {
	t.Parallel()
	busy := errors.New("busy")
	for _, c := range []struct {
		name  string
		asked time.Duration
		tries int
		says  string
	}{
		{"once", time.Hour, 1, "run again after 2000-01-01"},
		{"for ever", math.MaxInt64, 1, "more than 30 days"},
		{"again and again", 8 * time.Minute, 2, "run again after 2000-01-01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries, asked := 0, c.asked
				source := walker{read: func(from string, w *sdk.Writer) error {
					if from == "" {
						if err := page(w, 1, "1"); err != nil {
							return err
						}
					}
					if asked == 0 {
						return w.Emit("numbers", number{N: 2})
					}
					tries++
					return sdk.RetryAfter(busy, asked)
				}}
				began := time.Now()
				res, w := walk(t, source)
				if res.Outcome != checkpoint.Incomplete || tries != c.tries ||
					!strings.Contains(res.Broken[0].Problem, c.says) {
					t.Errorf("outcome %s after %d tries, want %d: %v", res.Outcome, tries, c.tries, res.Err)
				}
				if took := time.Since(began); took > 15*time.Minute+time.Second {
					t.Errorf("it waited for %s", took)
				}
				asked = 0
				if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete || len(w.shelf.records) != 2 {
					t.Errorf("the next run: outcome %s, %q: %v", res.Outcome, w.shelf.records, res.Err)
				}
			})
		})
	}
}

// The bound is the pipeline file's, and holds for all who may ask: a plan, a transform, a sink.
func TestWaitsOfStagesAreBounded(t *testing.T) {
	t.Parallel()
	late := sdk.RetryAfter(errors.New("not before noon"), time.Hour)
	for name, set := range map[string]func(w *world, most time.Duration){
		"plan": func(w *world, most time.Duration) {
			w.config.Source = always[sdk.Source]("source late", &unplanned{fails: late})
			w.config.Source.MaxWait = most
		},
		"transform": func(w *world, most time.Duration) {
			fails := transformFunc(func(sdk.Batch) ([]sdk.Batch, error) { return nil, late })
			w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform late", fails)}
			w.config.Transforms[0].MaxWait = most
		},
		"sink": func(w *world, most time.Duration) {
			w.shelf.write = func(sdk.Batch) error { return late }
			w.config.Sinks[0].MaxWait = most
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for most, waits := range map[time.Duration]bool{30 * time.Minute: false, 90 * time.Minute: true} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, &numbers{splits: 1, records: 10, every: 5})
					set(w, most)
					began := time.Now()
					res := w.run(t.Context(), t)
					if res.Outcome != checkpoint.Failed || !strings.Contains(fmt.Sprint(res.Err), "run again after") {
						t.Errorf("outcome %s: %v", res.Outcome, res.Err)
					}
					if took := time.Since(began); (took > time.Hour-time.Second) != waits {
						t.Errorf("with http.max_wait = %s it waited for %s", most, took)
					}
				})
			}
		})
	}
}

// unplanned is a source whose Streams, Check or Plan fails at first.
type unplanned struct {
	walker
	at    string
	fails error
	times int // 0: always
	asked int
}

func (u *unplanned) fail(at string) error {
	if u.at != "" && at != u.at || u.at == "" && at != "plan" {
		return nil
	}
	if u.asked++; u.times > 0 && u.asked > u.times {
		return nil
	}
	return u.fails
}

func (u *unplanned) Streams(ctx context.Context) ([]sdk.Stream, error) {
	if err := u.fail("streams"); err != nil {
		return nil, err
	}
	return u.walker.Streams(ctx)
}

func (u *unplanned) Plan(ctx context.Context, p sdk.Plan) ([]sdk.Split, error) {
	if err := u.fail("plan"); err != nil {
		return nil, err
	}
	return u.walker.Plan(ctx, p)
}

// One odd reply to what is asked before reading ends no run, and no more of them than reading
// bears.
func TestPlanningIsTriedAgain(t *testing.T) {
	t.Parallel()
	odd := errors.New("an HTML page instead of JSON")
	for _, at := range []string{"streams", "check", "plan"} {
		for _, c := range []struct {
			name  string
			fails error
			times int
			asked int
			want  checkpoint.Outcome
		}{
			{"once", odd, 1, 2, checkpoint.Complete},
			{"always", odd, 0, 5, checkpoint.Failed},
			{"for good", sdk.Permanent(odd), 0, 1, checkpoint.Failed},
		} {
			t.Run(at+" "+c.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					source := &unplanned{walker: walker{read: func(string, *sdk.Writer) error { return nil }}, at: at,
						fails: c.fails, times: c.times}
					w := newWorld(t, &numbers{})
					w.config.Source = always[sdk.Source]("source odd", source)
					start := w.config.Source.Start
					w.config.Source.Start = func(ctx context.Context) (pipeline.Instance[sdk.Source], error) {
						inst, err := start(ctx)
						inst.Check = func(context.Context) error { return source.fail("check") }
						return inst, err
					}
					told := 0
					w.config.Listeners = observe.Listeners{func(e observe.Event) {
						if _, ok := e.(observe.PlanRetried); ok {
							told++
						}
					}}
					res := w.run(t.Context(), t)
					if res.Outcome != c.want || source.asked != c.asked || told != c.asked-1 {
						t.Errorf("outcome %s, asked %d times, told %d: %v", res.Outcome, source.asked, told, res.Err)
					}
					if c.want == checkpoint.Failed && !strings.Contains(res.Err.Error(), "source odd: ") {
						t.Errorf("%v: it does not say who", res.Err)
					}
				})
			})
		}
	}
}

// A database that restarts does not end a run, and one that is gone does, soon.
func TestOutageOfASink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		outage   time.Duration
		attempts int
		patience time.Duration
		want     checkpoint.Outcome
		within   time.Duration
	}{
		{"15 s", 15 * time.Second, 0, 0, checkpoint.Complete, 2 * time.Minute},
		{"29 s", 29 * time.Second, 0, 0, checkpoint.Complete, 2 * time.Minute},
		{"for good", 24 * time.Hour, 0, 0, checkpoint.Failed, 2 * time.Minute},
		{"number alone", 24 * time.Hour, 2, 0, checkpoint.Failed, 2 * time.Second},
		{"as long as the file says", 9 * time.Minute, 0, 10 * time.Minute, checkpoint.Complete, 12 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{splits: 2, records: 10, every: 5})
				began := time.Now()
				w.shelf.write = func(sdk.Batch) error {
					if time.Since(began) < c.outage {
						return errors.New("connection refused")
					}
					return nil
				}
				w.config.Sinks[0].Attempts, w.config.Sinks[0].Patience = c.attempts, c.patience
				res := w.run(t.Context(), t)
				if took := time.Since(began); res.Outcome != c.want || took > c.within {
					t.Errorf("outcome %s after %s, want %s within %s: %v", res.Outcome, took, c.want, c.within, res.Err)
				}
				if c.want == checkpoint.Complete {
					w.check(t, 1)
				}
			})
		})
	}
}

// A split that is not to be read is skipped: its records so far stay, the run is complete, and the
// report tells of it.
func TestSkippedSplits(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]error{
		"skip":   sdk.Skip(errors.New("the owner has hidden it")),
		"robots": fmt.Errorf("page 3: %w", sdk.ErrRobots),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{splits: 3, records: 10, every: 5})
				tries := 0
				w.source.before = func(_ context.Context, split string, n int) error {
					if split == "s1" && n == 7 {
						tries++
						return why
					}
					return nil
				}
				var skipped []string
				w.config.Listeners = observe.Listeners{func(e observe.Event) {
					if e, ok := e.(observe.SplitSkipped); ok {
						skipped = append(skipped, e.Split)
					}
				}}
				var kept []checkpoint.Split
				w.config.Keep = func(r pipeline.Result) error { kept = r.Skipped; return nil }
				res := w.run(t.Context(), t)
				if res.Outcome != checkpoint.Complete || tries != 1 || !slices.Equal(skipped, []string{"s1"}) {
					t.Errorf("outcome %s after %d tries, skipped %q: %v", res.Outcome, tries, skipped, res.Err)
				}
				if n := len(w.shelf.records); n != 25 {
					t.Errorf("%d records, want two whole splits and 5", n)
				}
				if len(kept) != 1 || kept[0].ID != "s1" || kept[0].Problem == "" ||
					res.Splits[checkpoint.Skipped] != 1 || res.Splits[checkpoint.Done] != 2 {
					t.Errorf("skipped: %+v, splits: %v", kept, res.Splits)
				}
				previous, err := w.store.View().Previous(t.Context(), "", 9)
				if err != nil || len(previous) != 2 {
					t.Errorf("the next plan goes on from %v: %v", previous, err)
				}
			})
		})
	}
}
