// The sequence of calls of a crash test (a life), and the host that makes them.

package sdktest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// act is one call of a host.
type act struct {
	what  string // "open", "write", "commit", "finish" or "stop"
	run   int    // from 1
	batch sdk.Batch
}

// life is what a host does with a sink in three runs: a first one, an incremental one, and a full
// one. Batches repeat.
func life(batches []sdk.Batch) []act {
	var out []act
	n := 0
	do := func(run int, what string) {
		a := act{what: what, run: run}
		if what == "write" {
			a.batch = batches[n%len(batches)]
			n++
		}
		out = append(out, a)
	}
	for run, calls := range []string{
		"open write commit write write commit write commit finish stop",
		"open write write commit write commit finish stop",
		"open write commit write commit finish stop",
	} {
		for call := range strings.FieldsSeq(calls) {
			do(run+1, call)
		}
	}
	return out
}

// fullRun is the run that starts over.
const fullRun = 3

// startOf is the [sdk.Start] of an instance.
func (x *crash) startOf(run int, token sdk.Token, resume bool) sdk.Start {
	*x.epoch++
	return sdk.Start{
		Pipeline: "crash", Epoch: *x.epoch, Dir: x.private(),
		Run: runID(run), Started: time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC).Add(time.Duration(run) * time.Second),
		Token: slices.Clone(token), Resume: resume, Full: run == fullRun && !resume, Streams: x.streams,
	}
}

func runID(run int) string { return "r" + strconv.Itoa(run) }

// crashHost makes the calls as a host does.
type crashHost struct {
	x     *crash
	sink  sdk.Sink
	token sdk.Token
}

func (h *crashHost) do(i int) error {
	ctx := h.x.host().In(h.x.Context())
	a := h.x.acts[i]
	switch a.what {
	case "open":
		return h.open(ctx, a.run, false)
	case "write":
		return h.sink.Write(ctx, a.batch)
	case "commit":
		token, err := h.sink.Commit(ctx)
		if err == nil {
			h.token = token
		}
		return err
	case "finish":
		finish := host.AbilitiesOf(h.sink).Finish
		if finish == nil {
			return nil
		}
		return finish(ctx, sdk.End{Run: runID(a.run), Full: a.run == fullRun})
	}
	return h.close()
}

func (h *crashHost) open(ctx context.Context, run int, resume bool) error {
	v, err := h.x.plugin.New(ctx, rawConfig(h.x.T, h.x.target.Config(h.x.T, h.x.dir)))
	if err != nil {
		return err
	}
	h.sink = v.(sdk.Sink)
	open := host.AbilitiesOf(v).Open
	if open == nil && host.GuaranteeOf(h.sink).Delivery == sdk.ExactlyOnce {
		return errors.New("it is no sdk.Opener: it cannot come back to a token")
	}
	if open == nil {
		return nil
	}
	return open(ctx, h.x.startOf(run, h.token, resume))
}

func (h *crashHost) close() error {
	c, ok := h.sink.(io.Closer)
	h.sink = nil
	if ok {
		return c.Close()
	}
	return nil
}

// end closes what is open.
func (h *crashHost) end() {
	if h.sink != nil {
		_ = h.close() // an earlier error counts
	}
}
