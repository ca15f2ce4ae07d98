package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestRunDeliversEveryRecordOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 7, records: 100, every: 9})
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete || res.Err != nil {
			t.Fatalf("outcome %s, error %v", res.Outcome, res.Err)
		}
		w.check(t, 1)
		if got := res.Counts.Stages["source numbers"]; got.Out != 700 || got.In != 700 {
			t.Errorf("source: %+v, want 700 in and out", got)
		}
		if got := res.Counts.Counters["seen/s3"]; got != 100 {
			t.Errorf("counter seen/s3 = %d, want 100", got)
		}
	})
}

// A source that fails between two cursors is read again from the last one: nothing is doubled.
func TestSplitGoesOnFromItsCursor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Int64
		w := newWorld(t, &numbers{splits: 3, records: 50, every: 10,
			before: func(_ context.Context, _ string, n int) error {
				if n%10 == 7 && fails.Add(1)%2 == 1 {
					return errors.New("the connection broke")
				}
				return nil
			}})
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		if fails.Load() < 10 {
			t.Fatalf("only %d failures happened", fails.Load())
		}
		w.check(t, 1)
		if got := res.Counts.Counters["seen/s1"]; got != 50 {
			t.Errorf("counts of records that were thrown away were kept: %d, want 50", got)
		}
	})
}

// A split that stays broken does not stop the others; the next run takes up just that, from its
// cursor.
func TestBrokenSplitIsTakenUpByTheNextRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := true
		w := newWorld(t, &numbers{splits: 4, records: 30, every: 10,
			before: func(_ context.Context, split string, n int) error {
				if broken && split == "s2" && n == 15 {
					return sdk.Permanent(errors.New("403 Forbidden"))
				}
				return nil
			}})
		res := w.run(t.Context(), t)
		var incomplete *pipeline.IncompleteError
		if res.Outcome != checkpoint.Incomplete || !errors.As(res.Err, &incomplete) || len(incomplete.Broken) != 1 ||
			incomplete.Broken[0].ID != "s2" {
			t.Fatalf("outcome %s, error %v; want s2 missing", res.Outcome, res.Err)
		}
		if got := len(w.shelf.sorted()); got != 100 {
			t.Errorf("%d records delivered, want 90 of the whole splits and 10 of the broken one", got)
		}
		broken = false
		res = w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete || res.Run.ID != "run1" || len(w.source.plans) != 1 {
			t.Fatalf("second start: outcome %s of %s after %d plans, want run1 complete without a new plan",
				res.Outcome, res.Run.ID, len(w.source.plans))
		}
		w.check(t, 1)
	})
}

// A failing sink takes the run back to the last commit, in the same run.
func TestSinkFailureGoesBackToTheLastCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 4, records: 200, every: 5,
			before: func(ctx context.Context, _ string, _ int) error {
				time.Sleep(time.Millisecond) // virtual: commits fall between groups
				return nil
			}})
		writes := 0
		w.shelf.write = func(sdk.Batch) error {
			if writes++; writes%23 == 0 {
				return errors.New("the disk hiccuped")
			}
			return nil
		}
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		w.check(t, 1)
		if got := res.Counts.Stages["sink shelf"].Out; got != 800 {
			t.Errorf("the sink's count is %d, want 800: what was taken back still counts", got)
		}
		if len(w.shelf.opens) < 4 {
			t.Errorf("the sink was opened %d times: too few failures to prove anything", len(w.shelf.opens))
		}
	})
}

// A sink whose commit fails has promised nothing: no cursor may be kept.
func TestCommitFailureKeepsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 2, records: 40, every: 10})
		w.shelf.commit = func() error { return sdk.Permanent(errors.New("no space left on device")) }
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Failed || !strings.Contains(res.Err.Error(), "sink shelf: no space left") {
			t.Fatalf("outcome %s, error %v", res.Outcome, res.Err)
		}
		splits, err := checkpoint.All(checkpoint.EachSplit(t.Context(), w.store.View(), res.Run.ID, ""))
		if err != nil || res.Splits[checkpoint.Open] != 2 {
			t.Errorf("%v of %v are open (%v)", res.Splits, splits, err)
		}
		for _, s := range splits {
			if s.Cursor != nil || s.Status != checkpoint.Open {
				t.Errorf("split %s: cursor %q, status %s after a failed commit", s.ID, s.Cursor, s.Status)
			}
		}
		w.shelf.commit = nil
		if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete {
			t.Fatalf("second start: %s: %v", res.Outcome, res.Err)
		}
		w.check(t, 1)
	})
}

// Stopped by the user, a run commits what it has, and the next start goes on with it.
func TestInterruptedRunGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stopped := false
		w := newWorld(t, &numbers{splits: 4, records: 100, every: 10,
			before: func(read context.Context, split string, n int) error {
				if split == "s1" && n == 55 && !stopped {
					stopped = true
					stop()
					<-read.Done()
					return read.Err()
				}
				return nil
			}})
		w.config.CommitEvery = time.Hour
		res := w.run(ctx, t)
		if res.Outcome != checkpoint.Interrupted || res.Err != nil {
			t.Fatalf("outcome %s, error %v", res.Outcome, res.Err)
		}
		if n := len(w.shelf.sorted()); n == 0 || n == 400 {
			t.Fatalf("%d records after the interruption: want some", n)
		}
		res = w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete || !res.Run.Resumed {
			t.Fatalf("second start: %s, resumed %v", res.Outcome, res.Run.Resumed)
		}
		w.check(t, 1)
	})
}

func TestNextRunPlansFromThePreviousOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 2, records: 20, every: 10})
		w.run(t.Context(), t)
		w.run(t.Context(), t)
		if len(w.source.plans) != 2 || len(w.source.plans[1].Previous) != 2 {
			t.Fatalf("plans: %+v; want the second to see 2 previous splits", w.source.plans)
		}
		if c := string(w.source.plans[1].Previous[0].Cursor); c != "20" {
			t.Errorf("previous cursor %q, want the last one, 20", c)
		}
		w.check(t, 2)
		// A full run sees nothing of the past, and the sink is told to start over.
		w.config.Begin.Full = true
		w.run(t.Context(), t)
		if n := len(w.source.plans[2].Previous); n != 0 {
			t.Errorf("a full plan saw %d previous splits", n)
		}
		w.check(t, 1)
	})
}

func TestRejectsBecomeDeadLettersOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 3, records: 60, every: 5})
		refuse := transformFunc(func(b sdk.Batch) ([]sdk.Batch, error) {
			var out sdk.Builder
			var rejects sdk.Rejects
			for r := range b.Records() {
				if strings.HasSuffix(string(r), `7}`) {
					rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: r, Reason: "a seven: not wanted"})
					continue
				}
				out.AddLine(b.Stream, sdk.Upsert, r)
			}
			return out.Flush(), rejects.Err()
		})
		w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform picky", refuse)}
		writes := 0
		w.shelf.write = func(sdk.Batch) error {
			if writes++; writes == 20 {
				return errors.New("hiccup")
			}
			return nil
		}
		res := w.run(t.Context(), t)
		got := res.Counts.Stages["transform picky"]
		if got.In != 180 || got.Out != 162 || got.Rejected != 18 || got.Reasons["a seven"] != 18 {
			t.Errorf("transform: %+v, want 180 = 162 + 18", got)
		}
		if len(w.box.letters) != 18 {
			t.Errorf("%d dead letters, want 18", len(w.box.letters))
		}
		if l := w.box.letters[0]; l.Stage != "transform picky" || l.Split == "" || l.Stream != "numbers" {
			t.Errorf("letter %+v does not say where it comes from", l)
		}
	})
}

func TestTooManyRejectsEndTheRun(t *testing.T) {
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
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Failed || !strings.Contains(res.Err.Error(), "on_error.max_rejects is 10") {
			t.Fatalf("outcome %s, error %v", res.Outcome, res.Err)
		}
		if n := len(w.box.letters); n <= 10 || n > 40 {
			t.Errorf("%d dead letters are kept, want a few more than 10", n)
		}
	})
}

// A group larger than memory goes through a file, whole and in order.
func TestLargeGroupIsSpooled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &numbers{splits: 2, records: 60000, every: 1 << 30})
	w.config.GroupMemory = 64 << 10
	if res := w.run(t.Context(), t); res.Outcome != checkpoint.Complete {
		t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
	}
	w.check(t, 1)
}

// What the groups of a run take up on disk is bounded: a group that needs it all is given up,
// others wait for each other.
func TestSpoolHasARoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, &numbers{splits: 2, records: 60000, every: 1 << 30})
	w.config.GroupMemory = 64 << 10
	w.config.SpoolRoom = disk.NewRoom(128 << 10)
	res := w.run(t.Context(), t)
	if res.Outcome != checkpoint.Incomplete || !strings.Contains(res.Err.Error(), "pipeline.max_spool (131072 bytes)") {
		t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
	}
	if err := w.config.SpoolRoom.Take(128 << 10); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Splits that are found while reading are read in the same run, each once.
func TestSplitsAddedWhileReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{})
		tree := &treeSource{}
		w.config.Source = always[sdk.Source]("source tree", tree)
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v", res.Outcome, res.Err)
		}
		if got := len(w.shelf.sorted()); got != 15 {
			t.Errorf("%d pages, want the 15 of a tree of depth 4, each once", got)
		}
	})
}

// A commit in its time may come between the last reader's end and the commit at the end: what it
// makes known is read too.
func TestSplitsThatAreKnownWhenNobodyReadsAnyMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{})
		w.config.Source = always[sdk.Source]("source tree", &treeSource{})
		w.config.CommitEvery, w.config.CommitBytes = time.Hour, 1
		w.config.Store = otherStore{Store: w.store, held: func(h checkpoint.Held) checkpoint.Held { return dawdler{h} }}
		w.config.Concurrency = 1
		if res, err := w.try(t.Context()); err != nil || res.Outcome != checkpoint.Complete {
			t.Fatalf("outcome %s: %v, %v", res.Outcome, res.Err, err)
		}
		if got := len(w.shelf.sorted()); got != 15 {
			t.Errorf("%d pages, want 15", got)
		}
	})
}

// dawdler takes its time to say that nothing is left, so that a commit that is due comes first.
type dawdler struct{ checkpoint.Held }

func (d dawdler) Claim(ctx context.Context, n int) ([]checkpoint.Split, error) {
	page, err := d.Held.Claim(ctx, n)
	if len(page) == 0 {
		time.Sleep(time.Millisecond)
	}
	return page, err
}

// treeSource is a crawler: each page links to two others and back to the first.
type treeSource struct{}

func (*treeSource) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "pages"}}, nil
}

func (*treeSource) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "p", Stream: "pages"}}, nil
}

func (*treeSource) Read(_ context.Context, s sdk.Split, w *sdk.Writer) error {
	if len(s.ID) < 4 {
		for _, link := range []string{s.ID + "l", s.ID + "r", "p"} {
			if err := w.Split(sdk.Split{ID: link, Stream: "pages"}); err != nil {
				return err
			}
		}
	}
	return w.Emit("pages", map[string]string{"id": s.ID})
}

// transformFunc is a transform of one function.
type transformFunc func(b sdk.Batch) ([]sdk.Batch, error)

func (f transformFunc) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) { return f(b) }

// A holder that was taken over must not commit.
func TestFencedRunCommitsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 1, records: 20, every: 10})
		w.source.before = func(ctx context.Context, _ string, n int) error {
			if n == 15 {
				_, _, err := w.store.Begin(ctx, checkpoint.Begin{ID: "usurper", Now: time.Now()})
				return err
			}
			return nil
		}
		w.config.CommitEvery = time.Hour
		_, err := w.try(t.Context())
		if !errors.Is(err, checkpoint.ErrFenced) {
			t.Fatalf("error %v, want ErrFenced", err)
		}
	})
}

// Nor may it do what a commit does not undo: have a sink commit, bring a sink back to a token, keep
// a report.
func TestFencedRunDoesNoHarm(t *testing.T) {
	t.Parallel()
	for when, opens := range map[string]int{"joined": 0, "group delivered": 1, "sink died": 1, "collected": 1,
		"committed": 1} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{splits: 1, records: 20, every: 20})
				w.config.CommitEvery = time.Hour
				takenOver, late := false, []string(nil)
				usurp := func(at string) {
					if at != when || takenOver {
						return
					}
					takenOver = true
					if _, _, err := w.store.Begin(t.Context(),
						checkpoint.Begin{ID: "usurper", Now: time.Now()}); err != nil {
						t.Error(err)
					}
				}
				note := func(what string) {
					if takenOver {
						late = append(late, what)
					}
				}
				w.config.Step = usurp
				w.shelf.write = func(sdk.Batch) error {
					if when != "sink died" {
						return nil
					}
					usurp("sink died")
					return crash{}
				}
				w.shelf.commit = func() error { note("a sink's commit"); return nil }
				w.config.Keep = func(pipeline.Result) error { note("a report"); return nil }
				_, err := w.try(t.Context())
				if !takenOver || !errors.Is(err, checkpoint.ErrFenced) {
					t.Errorf("taken over: %v; error %v, want ErrFenced", takenOver, err)
				}
				if len(late) > 0 || len(w.shelf.opens) != opens {
					t.Errorf("after another had taken over: %v; %d opens of the sink, want %d", late,
						len(w.shelf.opens), opens)
				}
			})
		})
	}
}

// TestNobodyTakesOverMeanwhile: whoever wakes up in the middle of what cannot be taken back has
// still the run. Another gets it after that.
func TestNobodyTakesOverMeanwhile(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"open", "commit", "report"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, &numbers{splits: 1, records: 20, every: 20})
				w.config.CommitEvery = time.Hour
				taken := make(chan error, 1)
				tried := false
				usurp := func(at string) {
					if at != when || tried {
						return
					}
					tried = true
					go func() {
						_, _, err := w.store.Begin(context.WithoutCancel(t.Context()),
							checkpoint.Begin{ID: "usurper", Now: time.Now()})
						taken <- err
					}()
					synctest.Wait()
					if len(taken) > 0 {
						t.Error("taken over in the middle of it")
					}
				}
				w.shelf.open = func() { usurp("open") }
				w.shelf.commit = func() error { usurp("commit"); return nil }
				w.config.Keep = func(pipeline.Result) error { usurp("report"); return nil }
				_, err := w.try(t.Context())
				if taking := <-taken; !errors.Is(err, checkpoint.ErrFenced) || taking != nil {
					t.Errorf("error %v, want ErrFenced; taking over: %v", err, taking)
				}
			})
		})
	}
}

// A source that dies is started again; its splits go on from their cursors.
func TestDeadSourceIsStartedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 3, records: 60, every: 10})
		starts := 0
		w.config.Source.Start = func(context.Context) (pipeline.Instance[sdk.Source], error) {
			starts++
			exited := make(chan struct{})
			src := *w.source
			reads := 0
			src.before = func(_ context.Context, _ string, n int) error {
				if closedChan(exited) {
					return crash{}
				}
				if reads++; reads == 40 && starts < 4 {
					close(exited)
					return crash{}
				}
				return nil
			}
			return pipeline.Instance[sdk.Source]{Plugin: &src, Exited: exited,
				Stop: func(context.Context) error { return nil }}, nil
		}
		w.config.Concurrency = 1
		res := w.run(t.Context(), t)
		if res.Outcome != checkpoint.Complete || starts != 4 {
			t.Fatalf("outcome %s after %d starts: %v", res.Outcome, starts, res.Err)
		}
		w.check(t, 1)
	})
}

type crash struct{}

func (crash) Error() string { return "the plugin died: signal: killed" }
func (crash) Crashed() bool { return true }

func closedChan(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
