package pipeline_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestEvents: what happens in a run is told, in order, with what it took.
func TestEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &numbers{splits: 1, records: 4, every: 2})
		w.config.CommitEvery = time.Hour
		failed := false
		w.shelf.write = func(sdk.Batch) error {
			time.Sleep(time.Second)
			if !failed {
				failed = true
				return errors.New("the shelf is full")
			}
			return nil
		}
		w.shelf.commit = func() error { time.Sleep(time.Minute); return nil }
		var mu sync.Mutex
		var kinds []string
		written, bytes := 0, 0
		w.config.Listeners = observe.Listeners{func(e observe.Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds = append(kinds, e.Kind())
			switch e := e.(type) {
			case observe.Written:
				written += e.Records
				bytes += e.Bytes
				if e.Stage != "sink shelf" || e.Stream != "numbers" || e.Took != time.Second {
					t.Errorf("%+v", e)
				}
			case observe.Committed:
				if e.Splits != 1 || e.Took != time.Minute {
					t.Errorf("%+v", e)
				}
			case observe.RolledBack:
				if e.Err == nil || e.Wait <= 0 {
					t.Errorf("%+v", e)
				}
			case observe.RunEnded:
				if e.Outcome != string(checkpoint.Complete) || e.Err != nil {
					t.Errorf("%+v", e)
				}
			}
		}}
		w.run(t.Context(), t)
		want := []string{
			"run started", "planned", "rolled back", "batch written", "batch written", "split done", "committed",
			"run ended",
		}
		if !slices.Equal(kinds, want) || written != 4 || bytes != 4*len(`{"split":"s0","n":0}`+"\n") {
			t.Errorf("%d records of %d bytes written; told %q, want %q", written, bytes, kinds, want)
		}
	})
}
