// Counters and log lines.

package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/sdk"
)

// TestCountsComeBeforeTheCursorOfTheirGroup writes down what has been counted when each
// cursor comes.
func TestCountsComeBeforeTheCursorOfTheirGroup(t *testing.T) {
	t.Parallel()
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
		for group := range 3 {
			for range group + 1 {
				sdk.Count(ctx, "dropped/bot", 1)
				if err := w.Emit("issues", group); err != nil {
					return err
				}
			}
			sdk.Count(ctx, "dropped/empty", 10)
			if err := w.Cursor(group); err != nil {
				return err
			}
		}
		sdk.Count(ctx, "dropped/bot", 100) // after the last cursor, with no event to go with
		return nil
	}), sdk.Host{Count: func(name string, n int64) { t.Errorf("%s: %d was counted outside of the call", name, n) }})
	var counted tally
	var seen []string
	out := &recorder{note: func(e string) {
		if strings.HasPrefix(e, "cursor") {
			seen = append(seen, fmt.Sprint(e, " ", counted.get("dropped/bot"), " ", counted.get("dropped/empty")))
		}
	}}
	ctx := sdk.Host{Count: counted.count}.In(t.Context())
	if err := c.Source().Read(ctx, sdk.Split{}, sdk.NewWriter(out)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"cursor 0 1 10", "cursor 1 3 20", "cursor 2 6 30"}; !slices.Equal(seen, want) {
		t.Errorf("got  %q\nwant %q", seen, want)
	}
	if n := counted.get("dropped/bot"); n != 106 {
		t.Errorf("%d in the end, want 106", n)
	}
}

func TestCountsOfAThrownAwayGroupAreThrownAway(t *testing.T) {
	t.Parallel()
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
		sdk.Count(ctx, "kept", 1)
		if err := w.Cursor(1); err != nil {
			return err
		}
		sdk.Count(ctx, "lost", 1)
		if err := w.Batch(batchOf(1000, 100)); err != nil {
			return err
		}
		return errors.New("page 2: connection reset")
	}), sdk.Host{})
	var counted tally
	ctx := sdk.Host{Count: counted.count}.In(t.Context())
	if err := c.Source().Read(ctx, sdk.Split{}, sdk.NewWriter(&recorder{})); err == nil {
		t.Fatal("no error")
	}
	if counted.get("kept") != 1 || counted.get("lost") != 0 {
		t.Errorf("counted %v", counted.sums)
	}
}

type countingSink struct{ memorySink }

func (c *countingSink) Write(ctx context.Context, b sdk.Batch) error {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { sdk.Count(ctx, "written/"+b.Stream, int64(b.Count)) })
	}
	all.Wait()
	return fmt.Errorf("part: %w", sdk.Rejects{{Stream: b.Stream, Reason: "no key"},
		{Stream: b.Stream, Reason: "bad \xff"}})
}

func (c *countingSink) Commit(ctx context.Context) (sdk.Token, error) {
	sdk.Count(ctx, "commits", 1)
	return c.memorySink.Commit(ctx)
}

func TestCountsInConcurrentWrites(t *testing.T) {
	t.Parallel()
	sink := connect(t, sinkOf(&countingSink{}), sdk.Host{}).Sink()
	var counted tally
	ctx := sdk.Host{Count: counted.count}.In(t.Context())
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			var rejects sdk.Rejects
			if err := sink.Write(ctx, batchOf(300, 100)); !errors.As(err, &rejects) || len(rejects) != 2 ||
				rejects[1].Reason != "bad \uFFFD" {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if n, want := counted.get("written/issues"), int64(50*8*batchOf(300, 100).Count); n != want {
		t.Errorf("counted %d, want %d", n, want)
	}
}

func TestCountsOutsideOfSuchACallGoToTheHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var host, call tally
		sink := connect(t, sinkOf(&countingSink{}), sdk.Host{Count: host.count}).Sink()
		if _, err := sink.Commit(sdk.Host{Count: call.count}.In(t.Context())); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if host.get("commits") != 1 || call.get("commits") != 0 {
			t.Errorf("host %v, call %v", host.sums, call.sums)
		}
	})
}

func TestLogLinesReachTheHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))
		c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
			log := sdk.Log(ctx)
			log.Debug("page", "n", 2, slog.Group("reply", "status", 200))
			log.WithGroup("g").With("a", 1).Warn("bad \xff", "b", "x y")
			log.Error("end")
			return nil
		}), sdk.Host{Logger: logger})
		if err := c.Source().Read(t.Context(), sdk.Split{ID: "KAFKA", Stream: "issues"},
			sdk.NewWriter(&recorder{})); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := "level=DEBUG msg=page stream=issues split=KAFKA n=2 reply.status=200\n" +
			"level=WARN msg=\"bad \uFFFD\" stream=issues split=KAFKA g.a=1 g.b=\"x y\"\n" +
			"level=ERROR msg=end stream=issues split=KAFKA\n"
		if lines.String() != want {
			t.Errorf("got\n%swant\n%s", lines.String(), want)
		}
	})
}

// What a call counts stops at the largest number, on the plugin's side too.
func TestCountsDoNotRunOver(t *testing.T) {
	t.Parallel()
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
		for range 3 {
			sdk.Count(ctx, "up", 1<<62)
			sdk.Count(ctx, "down", -1<<62)
		}
		return w.Cursor(1)
	}), sdk.Host{})
	var counted tally
	ctx := sdk.Host{Count: counted.count}.In(t.Context())
	if err := c.Source().Read(ctx, sdk.Split{}, sdk.NewWriter(&recorder{})); err != nil {
		t.Fatal(err)
	}
	if up, down := counted.get("up"), counted.get("down"); int64(up) != math.MaxInt64 || int64(down) != math.MinInt64 {
		t.Errorf("up %d, down %d", up, down)
	}
}
