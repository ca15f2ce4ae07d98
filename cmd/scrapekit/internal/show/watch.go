// Package show formats everything for terminals: running pipelines, reports, tables, styles. It
// depends on the events of a run and on no command.
//
// A run is shown live in a terminal, as lines in a pipe, as JSON for programs.
package show

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

// Watcher shows a run. Several goroutines may call Event at the same time, also before Begin and
// after End.
type Watcher interface {
	Event(e observe.Event)
	Begin(ctx context.Context, r *core.Run)
	End()
	Report(w io.Writer, r *core.Report) error
}

// Watcher returns the watcher for an output: auto, live, plain or json.
func (a *Console) Watcher(output string) Watcher {
	if output == "auto" {
		output = "plain"
		if IsTerminal(a.Err) && IsTerminal(a.Out) && !isDumb() {
			output = "live"
		}
	}
	switch output {
	case "live":
		return &liveWatcher{a: a}
	case "json":
		return &jsonWatcher{enc: json.NewEncoder(JSONOut{a.Out}), every: plainEvery}
	}
	return &plainWatcher{w: a.Err, every: plainEvery, a: a}
}

// plainEvery is the interval of progress lines in a pipe.
const plainEvery = 5 * time.Second

// ticker calls f periodically until stop.
type ticker struct {
	done chan struct{}
	wg   sync.WaitGroup
}

func startTicker(every time.Duration, f func()) *ticker {
	t := &ticker{done: make(chan struct{})}
	t.wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-t.done:
				return
			case <-tick.C:
				f()
			}
		}
	})
	return t
}

func (t *ticker) stop() {
	close(t.done)
	t.wg.Wait()
}

// plainWatcher prints a line for each event, and periodically the progress.
type plainWatcher struct {
	a     *Console
	w     io.Writer
	every time.Duration
	mu    sync.Mutex
	tick  *ticker
	stop  func() bool
	known causes
}

func (p *plainWatcher) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

func (p *plainWatcher) Event(e observe.Event) {
	if text := eventText(e); text != "" && !p.known.suppress(e) {
		p.line("%s", text)
	}
}

// more prints the number of further splits for each known cause.
func (p *plainWatcher) more() {
	for _, text := range p.known.more() {
		p.line("%s", text)
	}
}

func (p *plainWatcher) Begin(ctx context.Context, r *core.Run) {
	p.tick = startTicker(p.every, func() {
		p.more()
		p.line("%s", oneLine(r.Status()))
	})
	p.stop = context.AfterFunc(ctx, func() { p.line("stopping: committing what was read; once more stops at once") })
}

func (p *plainWatcher) End() {
	p.stop()
	p.tick.stop()
	p.more()
}

func (p *plainWatcher) Report(w io.Writer, r *core.Report) error {
	return p.a.printReport(w, r)
}

// eventText formats an event; "": not worth a line.
func eventText(e observe.Event) string {
	switch e := e.(type) {
	case observe.RunStarted:
		if e.Resumed {
			return "going on with run " + e.Run
		}
		return "run " + e.Run
	case observe.PlanRetried:
		return fmt.Sprintf("%s: planning: %v; again in %s", e.Stage, e.Err, Brief(e.Wait))
	case observe.Planned:
		return "planned " + Many(int64(e.Splits), "split")
	case observe.SplitRetried:
		if core.IsCrash(e.Err) {
			return "" // the crash is shown once, not for each split
		}
		return fmt.Sprintf("split %s: %s; again in %s", e.Split, cause(e.Split, e.Err), Brief(e.Wait))
	case observe.SplitBroken:
		return fmt.Sprintf("split %s is given up for this run: %s", e.Split, cause(e.Split, e.Err))
	case observe.PluginLost:
		return fmt.Sprintf("%v; starting it again", e.Err)
	case observe.RolledBack:
		return fmt.Sprintf("%v; going back to the last commit, and on in %s", e.Err, Brief(e.Wait))
	case observe.HostDown:
		return fmt.Sprintf("%s is down (%s); asking again in %s", e.Host, e.Cause, Brief(e.For))
	case observe.HostBack:
		return fmt.Sprintf("%s is back after %s", e.Host, Brief(e.After))
	}
	return ""
}

// cause returns the error of a split without the split's name.
func cause(split string, err error) string {
	return strings.TrimPrefix(err.Error(), split+": ")
}

// jsonWatcher prints one JSON object on each line.
type jsonWatcher struct {
	every time.Duration
	mu    sync.Mutex
	enc   *json.Encoder
	tick  *ticker
	err   error
}

// jsonEvent is a line of --output json. Type is "event", "progress" or "report".
type jsonEvent struct {
	Time     time.Time    `json:"time"`
	Type     string       `json:"type"`
	Event    string       `json:"event,omitempty"`
	Stage    string       `json:"stage,omitempty"`
	Split    string       `json:"split,omitempty"`
	Stream   string       `json:"stream,omitempty"`
	Message  string       `json:"message,omitempty"`
	Error    string       `json:"error,omitempty"`
	N        int64        `json:"n,omitempty"`
	WaitMS   int64        `json:"wait_ms,omitempty"`
	TookMS   int64        `json:"took_ms,omitempty"` // of "committed" and "host back"
	Host     string       `json:"host,omitempty"`    // of "waited", "host down", "host back"
	Resumed  bool         `json:"resumed,omitempty"` // of "run started": resumes an earlier start
	Progress *core.Status `json:"progress,omitempty"`
	Report   *core.Report `json:"report,omitempty"`
}

func (j *jsonWatcher) write(e jsonEvent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.enc.Encode(e); err != nil && j.err == nil {
		j.err = err
	}
}

// Event prints an event, except those of every batch and request, which the progress sums up.
func (j *jsonWatcher) Event(e observe.Event) {
	out := jsonEvent{Time: time.Now(), Type: "event", Event: e.Kind()}
	var err error
	if out.Split, out.Stage, err = observe.Trouble(e); err != nil {
		out.Error = err.Error()
	}
	switch e := e.(type) {
	case observe.Written, observe.Sent, observe.Connected, observe.Exchanged, observe.Retried, observe.Delayed,
		observe.CacheAsked:
		return
	case observe.RunStarted:
		out.Message, out.Resumed = e.Run, e.Resumed
	case observe.PlanRetried:
		out.WaitMS = e.Wait.Milliseconds()
	case observe.Planned:
		out.N = int64(e.Splits)
	case observe.SplitDone:
		out.Split, out.Stream, out.N = e.Split, e.Stream, e.Records
	case observe.SplitRetried:
		out.Stream, out.WaitMS = e.Stream, e.Wait.Milliseconds()
	case observe.SplitBroken:
		out.Stream = e.Stream
	case observe.SplitSkipped:
		out.Stream = e.Stream
	case observe.Committed:
		out.N, out.TookMS = int64(e.Splits), e.Took.Milliseconds()
	case observe.RolledBack:
		out.WaitMS = e.Wait.Milliseconds()
	case observe.Waited:
		out.Host, out.Message, out.WaitMS = e.Host, e.Cause, e.For.Milliseconds()
	case observe.HostDown:
		out.Host, out.Message, out.WaitMS = e.Host, e.Cause, e.For.Milliseconds()
	case observe.HostBack:
		out.Host, out.TookMS = e.Host, e.After.Milliseconds()
	case observe.RunEnded:
		out.Message = e.Outcome
	}
	j.write(out)
}

func (j *jsonWatcher) Begin(_ context.Context, r *core.Run) {
	j.tick = startTicker(j.every, func() {
		s := r.Status()
		j.write(jsonEvent{Time: time.Now(), Type: "progress", Progress: &s})
	})
}

func (j *jsonWatcher) End() { j.tick.stop() }

func (j *jsonWatcher) Report(_ io.Writer, r *core.Report) error {
	j.write(jsonEvent{Time: time.Now(), Type: "report", Report: r})
	return j.err
}
