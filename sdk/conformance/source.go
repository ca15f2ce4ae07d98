// Source: the checks of sources.

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// SourceCase is a source, and a remote system that does not change during the test.
type SourceCase struct {
	Host    sdk.Host // its transport reaches the remote system
	Streams []string // nil: all
	// MaxResumes is from how many cursors of a split a Read is resumed, spread evenly; 0: all.
	MaxResumes int
	// MaxRecords is the limit of records in all, because every check reads many of them; 0: no
	// limit.
	MaxRecords int
	// Check may inspect all records of the streams, one JSON object each; may be nil.
	Check func(t T, records map[string][]string)
}

// sourceCheck is a check of a source that has been read once.
type sourceCheck struct {
	Check
	run func(s *sourceTest, t T)
}

var planCheck = Check{"plan", NothingLost, "streams and splits have names, each once, and are right"}

var sourceChecks = []sourceCheck{
	{Check{"read", NothingLost, "reading twice gives the same records, each with its key"}, (*sourceTest).readAll},
	{Check{"resume", NothingLost, "reading from a cursor gives the rest, all of it and nothing else"},
		(*sourceTest).resume},
	{Check{"splits at once", NothingLost, "splits that are read at the same time do not disturb each other"},
		(*sourceTest).atOnce},
	{Check{"cancel", NothingLost, "a Read whose call is cancelled ends soon, and not as if it were at its end"},
		(*sourceTest).cancel},
	{Check{"output fails", NothingLost, "a Read ends with the error of its output"}, (*sourceTest).outputFails},
	{Check{"killed", NothingLost, "after kill -9, another process goes on from the last cursor"}, (*sourceTest).killed},
	{Check{"error classes", NeverFaster, "what the host says of a request comes back, class and waiting time and all"},
		(*sourceTest).errorClasses},
	{Check{"rate limit", NeverFaster, "a reply 429 is a temporary error, and not the end of the data"},
		(*sourceTest).rateLimit},
	{Check{"bad replies", NothingLost, "a reply that is broken or an error does not pass for the end of the data"},
		(*sourceTest).badReplies},
	{Check{"strange replies", AnyHost, "no reply ends the process or hangs it"}, (*sourceTest).strangeReplies},
	{Check{"odd texts", NothingLost, "long and odd texts come through whole, or are rejected"}, (*sourceTest).oddTexts},
}

// Source checks that reading is repeatable, that every cursor gives exactly the rest, that a source
// stops when it is told to, that errors keep their class, and that no reply makes it lose records
// or crash.
func Source(t T, subject Subject, config json.RawMessage, c SourceCase) {
	s := &sourceTest{SourceCase: c, bench: &bench{subject: subject, config: config, host: c.Host, watch: &watch{}}}
	if c.Host.Transport != nil {
		s.remote = &remote{next: c.Host.Transport}
		s.bench.host.Transport = s.remote
	}
	if !t.Run(planCheck.Name, s.plan) {
		return
	}
	for i, check := range sourceChecks {
		if passed := t.Run(check.Name, func(t T) { check.run(s, t) }); !passed && i == 0 {
			return // all other checks compare with what was read
		}
	}
}

type sourceTest struct {
	SourceCase
	*bench
	remote  *remote // nil: the source makes no requests
	streams []sdk.Stream
	splits  []sdk.Split           // planned and added splits
	whole   map[string]*recording // recording of each split, from its beginning
	asking  sdk.Split             // the first split that makes requests
	asked   []exchange            // exchanges of its Read
}

func source(l *live) sdk.Source { return l.value.(sdk.Source) }

func (s *sourceTest) plan(t T) {
	l := s.start(t)
	defer l.stop()
	var all []sdk.Stream
	err := s.watch.call(l.ctx, "Streams", s.busy(), func(ctx context.Context) (err error) {
		all, err = source(l).Streams(ctx)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("streams: %v (%v)", all, err)
	}
	var names []string
	for _, st := range all {
		checkStream(t, st)
		if slices.Contains(names, st.Name) {
			t.Errorf("stream %s comes twice", st.Name)
		}
		names = append(names, st.Name)
	}
	s.streams = all
	if s.Streams == nil {
		s.Streams = names
	}
	err = s.watch.call(l.ctx, "Plan", s.busy(), func(ctx context.Context) (err error) {
		s.splits, err = source(l).Plan(ctx, sdk.Plan{Streams: s.Streams})
		return err
	})
	if err != nil || len(s.splits) == 0 {
		t.Fatalf("plan of a first run: %d splits (%v)", len(s.splits), err)
	}
	ids := map[string]bool{}
	for _, p := range s.splits {
		if ids[p.ID] {
			t.Errorf("split %q is planned twice", p.ID)
		}
		ids[p.ID] = true
		if err := p.Validate(); err != nil {
			t.Errorf("%v", err)
		}
		if len(p.Data) > 0 && !json.Valid(p.Data) {
			t.Errorf("split %s: its data is not JSON", p.ID)
		}
	}
}

// record reads a split. onEvent may be nil.
func (s *sourceTest) record(ctx context.Context, l *live, p sdk.Split, onEvent func(int) error) (*recording, error) {
	r := &recording{onEvent: onEvent, limit: s.left()}
	h := sdk.HostOf(ctx)
	h.Count = r.count
	err := s.watch.call(h.In(ctx), "Read", s.busy(&r.alive), func(ctx context.Context) error {
		w := sdk.NewWriter(r)
		if err := source(l).Read(ctx, p, w); err != nil {
			return err
		}
		return w.Flush()
	})
	if errors.Is(err, errHung) {
		r = &recording{} // the hanging call may still write to the old one
	}
	return r, err
}

// toEnd reads a split to its end. A skipped split is at its end too: nothing of it is missing.
func (s *sourceTest) toEnd(ctx context.Context, l *live, p sdk.Split, onEvent func(int) error) (*recording, error) {
	r, err := s.record(ctx, l, p, onEvent)
	if errors.Is(err, sdk.ErrSkip) {
		r.skipped()
		return r, nil
	}
	return r, err
}

// busy reports whether something has happened since the last call: an event, a request, or a
// request in flight, for whose end the host is responsible.
func (s *sourceTest) busy(events ...*atomic.Int64) func() bool {
	var before int64
	return func() bool {
		var now int64
		for _, e := range events {
			now += e.Load()
		}
		if s.remote != nil {
			now += s.remote.asked.Load()
		}
		moved := now != before
		before = now
		return moved || s.remote != nil && s.remote.underWay.Load() > 0
	}
}

// left is how many more records may come, if there is a limit.
func (s *sourceTest) left() int {
	if s.MaxRecords == 0 {
		return 0
	}
	n := s.MaxRecords
	for _, r := range s.whole {
		n -= len(r.items)
	}
	return max(n, 1)
}

// readAll reads every split twice, each time with a new instance, and the splits that they add.
func (s *sourceTest) readAll(t T) {
	one, two := s.start(t), s.start(t)
	defer one.stop()
	defer two.stop()
	s.whole = map[string]*recording{}
	records := map[string][]string{}
	for i := 0; i < len(s.splits); i++ { // s.splits grows
		p := s.splits[i]
		before := s.requests()
		r, err := s.toEnd(one.ctx, one, p, nil)
		if n := s.requests(); n > before && s.asking.ID == "" {
			s.asking, s.asked = p, s.remote.from(before)
		}
		if err == nil {
			err = r.problem
		}
		if errors.Is(err, errTooMuch) {
			t.Fatalf("there are more than %d records to read: test it with settings that read less", s.MaxRecords)
		}
		if err != nil {
			t.Fatalf("split %s: %v", p.ID, err)
		}
		again, err := s.toEnd(two.ctx, two, p, nil)
		if err == nil {
			err = flowOf(r.items).differs(flowOf(again.items))
		}
		if err != nil {
			t.Errorf("split %s, read once more: %v", p.ID, err)
		}
		s.whole[p.ID] = r
		s.add(r.added)
		s.keep(t, r, records)
	}
	if s.Check != nil {
		s.Check(t, records)
	}
}

// requests is the number of requests that the source has made.
func (s *sourceTest) requests() int {
	if s.remote == nil {
		return 0
	}
	return s.remote.count()
}

// add appends splits with new ids, as the host does.
func (s *sourceTest) add(splits []sdk.Split) {
	for _, p := range splits {
		if !slices.ContainsFunc(s.splits, func(q sdk.Split) bool { return q.ID == p.ID }) {
			s.splits = append(s.splits, p)
		}
	}
}

// keep collects the records by stream and checks their keys.
func (s *sourceTest) keep(t T, r *recording, records map[string][]string) {
	for _, it := range r.items {
		if it.kind != "upsert" && it.kind != "delete" {
			continue
		}
		i := slices.IndexFunc(s.streams, func(st sdk.Stream) bool { return st.Name == it.stream })
		if i < 0 || !slices.Contains(s.Streams, it.stream) {
			t.Fatalf("a record of stream %q, which was not asked for", it.stream)
		}
		key := s.streams[i].PrimaryKey
		if it.kind == "delete" {
			if err := checkDeletion(it.text, key); err != nil {
				t.Fatalf("stream %s: %v", it.stream, err)
			}
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(it.text), &fields); err != nil {
			t.Fatalf("stream %s: a record is not a JSON object: %.200s", it.stream, it.text)
		}
		if _, depth := KeyOf(it.text, key); depth < len(key) {
			t.Fatalf("stream %s: a record without its key %s: %.200s", it.stream, key[depth], it.text)
		}
		records[it.stream] = append(records[it.stream], it.text)
	}
}

// resume reads from every cursor: exactly the rest must come.
func (s *sourceTest) resume(t T) {
	l := s.start(t)
	defer l.stop()
	resumed := 0
	for _, p := range s.splits {
		whole := s.whole[p.ID].items
		for _, at := range spread(s.whole[p.ID].cursors(), s.MaxResumes) {
			p.Cursor = []byte(whole[at].text)
			r, err := s.toEnd(l.ctx, l, p, nil)
			if err == nil {
				err = flowOf(whole[at+1:]).differs(flowOf(r.items))
			}
			if err != nil {
				t.Errorf("split %s from cursor %s: %v", p.ID, p.Cursor, err)
			}
			resumed++
		}
	}
	t.Logf("resumed from %d cursors", resumed)
}

// spread picks at most n of the positions, with the first and the last; 0 is all.
func spread(places []int, n int) []int {
	if n <= 0 || len(places) <= n {
		return places
	}
	if n == 1 {
		return places[len(places)/2:][:1]
	}
	var out []int
	for i := range n {
		out = append(out, places[i*(len(places)-1)/(n-1)])
	}
	return out
}

// atOnce reads all splits concurrently, with one instance.
func (s *sourceTest) atOnce(t T) {
	l := s.start(t)
	defer l.stop()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, p := range s.splits {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r, err := s.toEnd(l.ctx, l, p, nil)
			if err == nil {
				err = flowOf(s.whole[p.ID].items).differs(flowOf(r.items))
			}
			if err != nil {
				t.Errorf("split %s beside others: %v", p.ID, err)
			}
		})
	}
	wg.Wait()
}

// cancel ends the context before a Read, and at its first event.
func (s *sourceTest) cancel(t T) {
	l := s.start(t)
	defer l.stop()
	for _, p := range s.splits[:min(len(s.splits), 8)] {
		for _, at := range []int{0, 1} {
			ctx, cancel := context.WithCancel(l.ctx)
			if at == 0 {
				cancel()
			}
			started := time.Now()
			r, err := s.toEnd(ctx, l, p, func(n int) error {
				if n == at {
					started = time.Now()
					cancel()
				}
				return nil
			})
			cancel()
			if took := time.Since(started); took > soon {
				t.Errorf("split %s went on for %v after its context had ended", p.ID, took)
			}
			// A split that ends before the source looks at the context is fine; half a split is
			// not.
			if err == nil {
				err = flowOf(s.whole[p.ID].items).differs(flowOf(r.items))
			} else if errors.Is(err, context.Canceled) {
				err = nil
			}
			if err != nil {
				t.Errorf("split %s, cancelled at event %d: %v; want all records or context.Canceled", p.ID, at, err)
			}
		}
	}
}

// outputFails: Read returns the error of the Writer.
func (s *sourceTest) outputFails(t T) {
	l := s.start(t)
	defer l.stop()
	for _, p := range s.splits[:min(len(s.splits), 8)] {
		events := s.whole[p.ID].events
		for _, at := range []int{1, (events + 1) / 2, events} {
			if at == 0 || at > events {
				continue // the split is empty
			}
			_, err := s.record(l.ctx, l, p, func(n int) error {
				if n >= at {
					return errOutput
				}
				return nil
			})
			if !errors.Is(err, errOutput) {
				t.Errorf("split %s, output failing at event %d of %d: Read returned %v", p.ID, at, events, err)
			}
		}
	}
}

// refusing is a host that refuses every request.
type refusing struct{ err error }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }

// errorClasses: the error of a request reaches the host again with its class.
func (s *sourceTest) errorClasses(t T) {
	s.needsRequests(t)
	cause := errors.New("refused for a test")
	for name, c := range map[string]struct {
		err  error
		good func(error) bool
	}{
		"permanent": {sdk.Permanent(cause), sdk.IsPermanent},
		"temporary": {cause, func(err error) bool { return !sdk.IsPermanent(err) }},
		"retry after": {sdk.RetryAfter(cause, 7*time.Second),
			func(err error) bool { return sdk.RetryDelay(err) == 7*time.Second }},
	} {
		t.Run(name, func(t T) {
			refused := *s.bench
			refused.host.Transport = refusing{c.err}
			l := refused.start(t)
			defer l.stop()
			_, err := s.record(l.ctx, l, s.asking, nil)
			if errors.Is(err, errHung) {
				t.Fatalf("a request failed with %v (%s): %v", c.err, name, err)
			}
			if err == nil || !c.good(err) {
				t.Errorf("a request failed with %v (%s), Read returned %v of another class", c.err, name, err)
			}
		})
	}
}
