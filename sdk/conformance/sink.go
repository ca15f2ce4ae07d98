// Sink: the checks of sinks.

package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// SinkCase is a sink that writes below a folder, or to a place named after it.
type SinkCase struct {
	// Config returns the settings for a place. dir is empty at first.
	Config func(t T, dir string) json.RawMessage
	// Read returns the records of a stream that a reader finds at the place, committed or not, in
	// any order.
	Read func(t T, dir, stream string) []string
	Host sdk.Host
	// Replaces says that the first commit of records of a new run replaces what earlier runs wrote.
	// It does not happen earlier, so that a run without records removes nothing.
	Replaces bool
	// Keyed says that Read finds the last record of each key, with deletions applied.
	Keyed bool
	// Rounds is how many steps the random walk takes; 0: 60.
	Rounds int
	// Patience is the time after which a call counts as hung; 0: two minutes.
	Patience time.Duration
}

// sinkOne is a check of a sink. Each check has a place of its own.
type sinkOne struct {
	Check
	run func(*sinkTest)
}

var sinkChecks = []sinkOne{
	{Check{"guarantee", NothingLost, "what the sink promises is known and can be kept"}, sinkGuarantee},
	{Check{"commit", NothingLost, "what was written before a commit is there after it"}, sinkCommit},
	{Check{"back to a token", NothingLost, "a token brings the sink back to exactly its commit, after a kill"},
		sinkRestore},
	{Check{"killed before any commit", NothingLost,
		"without a token there is nothing, whatever a killed process wrote"}, sinkFirstKill},
	{Check{"lost token", NothingLost, "a commit whose token the host has lost is taken back"}, sinkLostToken},
	{Check{"finish", NothingLost, "the end of a run may be told again, and does nothing twice"}, sinkFinish},
	{Check{"fenced", NothingLost, "what a former process has sent, or sends when it wakes up, is not there"},
		sinkFenced},
	{Check{"next run", NothingLost, "a further run goes on from the token of the one before"}, sinkNextRun},
	{Check{"full run", NothingLost, "a run that starts over discards what was there"}, sinkFull},
	{Check{"many streams", NothingLost, "140 streams at once are no trouble"}, sinkManyStreams},
	{Check{"bad records", NothingLost, "a record that the sink does not take is rejected by itself"}, sinkBadRecords},
	{Check{"huge record", NothingLost, "a record of 5 MiB is taken or rejected"}, sinkHugeRecord},
	{Check{"deletions", NothingLost, "deletions of one key, and of many, are taken and taken back"}, sinkDeletions},
	{Check{"foreign token", NothingLost, "a token that is none of the sink's is an error"}, sinkForeignToken},
	{Check{"parallel", NothingLost, "writes at the same time all arrive, where the sink takes them"}, sinkParallel},
	{Check{"random", NothingLost, "a random walk of writes, commits, kills and lost tokens ends right"}, sinkRandom},
}

// Sink checks that a token restores the sink to exactly the records that were written before its
// commit: after kills, lost tokens and further runs, in a fixed order and in a random one (seeded).
// A sink that guarantees less than [sdk.ExactlyOnce] may hold more after a kill, as its guarantee
// says, and never less.
//
// No call may hang. An instance that is killed loses its connections, and its last writes may
// arrive later: a sink that connects and promises [sdk.ExactlyOnce] must make these have no effect.
func Sink(t T, subject Subject, c SinkCase) {
	w := &watch{patience: c.Patience}
	for _, check := range sinkChecks {
		t.Run(check.Name, func(t T) {
			dir := t.TempDir()
			s := &sinkTest{
				T: t, SinkCase: c, dir: dir, streams: sinkStreams,
				bench: &bench{subject: subject, config: c.Config(t, dir), host: c.Host, watch: w},
			}
			s.private = s.privateDir(t)
			check.run(s)
		})
	}
}

// sinkTest is one place, and its expected content.
type sinkTest struct {
	T
	SinkCase
	*bench
	dir     string
	private string       // the sink's private folder; "": it asks for none
	streams []sdk.Stream // streams that it is opened with: no others are written
	live    *live
	next    int // number of the next record

	guarantee sdk.Guarantee
	killed    bool // at least once
}

// sinkStreams are the streams of most checks.
var sinkStreams = []sdk.Stream{
	{Name: "one", PrimaryKey: []string{"id"}}, {Name: "two", PrimaryKey: []string{"id"}},
	{Name: "three", PrimaryKey: []string{"id"}},
	{Name: "parts", PrimaryKey: []string{"whole", "id"}},
}

var started = time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)

// open starts a new instance. It kills any earlier one.
func (s *sinkTest) open(start sdk.Start) {
	s.Helper()
	if err := s.tryOpen(start); err != nil {
		s.Fatalf("open: %v", err)
	}
}

func (s *sinkTest) tryOpen(start sdk.Start) error {
	s.Helper()
	if s.live != nil {
		s.live.kill()
		s.killed = true
	}
	return s.tryOpenBeside(start)
}

// tryOpenBeside opens another instance beside those that run.
func (s *sinkTest) tryOpenBeside(start sdk.Start) error {
	s.Helper()
	s.live = s.bench.start(s.T)
	l := s.live
	if start.Started.IsZero() {
		start.Started = started
	}
	start.Token = slices.Clone(start.Token)
	start.Streams = s.streams
	start = s.startOf(start, s.private)
	s.guarantee = host.GuaranteeOf(s.sink())
	open := host.AbilitiesOf(l.value).Open
	if open == nil {
		return nil
	}
	return s.watch.call(l.ctx, "Open", nil, func(ctx context.Context) error { return open(ctx, start) })
}

// send is Write of one instance, tokenOf Commit, tell Finish.
func (s *sinkTest) send(l *live, b sdk.Batch) error {
	return s.watch.call(l.ctx, "Write", nil,
		func(ctx context.Context) error { return l.value.(sdk.Sink).Write(ctx, b) })
}

func (s *sinkTest) tokenOf(l *live) (token sdk.Token, err error) {
	err = s.watch.call(l.ctx, "Commit", nil, func(ctx context.Context) (err error) {
		token, err = l.value.(sdk.Sink).Commit(ctx)
		return cmp.Or(err, token.Validate())
	})
	return token, err
}

func (s *sinkTest) tell(l *live, e sdk.End) error {
	finish := host.AbilitiesOf(l.value).Finish
	if finish == nil {
		return nil
	}
	return s.watch.call(l.ctx, "Finish", nil, func(ctx context.Context) error { return finish(ctx, e) })
}

// write writes a batch of n new records and returns them.
func (s *sinkTest) write(stream string, n int) []string {
	s.Helper()
	lines := s.records(stream, n)
	if err := s.send(s.live, batchOf(stream, lines...)); err != nil {
		s.Fatalf("write: %v", err)
	}
	return lines
}

// records makes n new records.
func (s *sinkTest) records(stream string, n int) []string {
	var lines []string
	for range n {
		s.next++
		lines = append(lines, fmt.Sprintf(`{"id":%d,"text":"record %d of %s","pad":"%s"}`,
			s.next, s.next, stream, strings.Repeat("ä", s.next%50)))
	}
	return lines
}

func (s *sinkTest) sink() sdk.Sink { return s.live.value.(sdk.Sink) }

func batchOf(stream string, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

func (s *sinkTest) commit() sdk.Token {
	s.Helper()
	token, err := s.tokenOf(s.live)
	if err != nil {
		s.Fatalf("commit: %v", err)
	}
	if host.AbilitiesOf(s.live.value).Open != nil && token == nil {
		s.Fatalf("commit: the token is nil, which stands for no commit")
	}
	return token
}

// holds checks the content of the place.
func (s *sinkTest) holds(when, stream string, parts ...[]string) {
	s.Helper()
	want := slices.Sorted(slices.Values(slices.Concat(parts...)))
	got := slices.Sorted(slices.Values(s.found(stream)))
	if err := s.delivered("stream "+stream, got, want); err != nil {
		s.Fatalf("%s: %v", when, err)
	}
}

// found reads the place. A Read that hangs waits for something that an instance holds, such as a
// lock; the instance is then killed.
func (s *sinkTest) found(stream string) []string {
	s.Helper()
	hung := make(chan struct{})
	late := time.AfterFunc(s.watch.limit(), func() { close(hung); s.watch.hung.Store(true); s.live.kill() })
	records := s.SinkCase.Read(s.T, s.dir, stream)
	if !late.Stop() {
		<-hung
		s.Fatalf("%v: Read of stream %s was still at it after %v, and until the instance was killed", errHung, stream,
			s.watch.limit())
	}
	return records
}

func sinkCommit(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	s.commit() // of nothing
	a, b := s.write("one", 3), s.write("two", 2)
	c := s.write("one", 1)
	s.commit()
	s.holds("after a commit", "one", a, c)
	s.holds("after a commit", "two", b)
	s.commit()
	d := s.write("one", 2)
	s.commit()
	s.live.stop()
	s.holds("after the end", "one", a, c, d)
}

func sinkRestore(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	a := s.write("one", 5)
	token := s.commit()
	s.write("one", 4)
	s.write("two", 4)
	for i := range 3 {
		s.open(sdk.Start{Run: "r1", Token: token, Resume: true})
		s.holds("back at the token", "one", a)
		s.holds("back at the token", "two")
		s.write([]string{"one", "two"}[i%2], 1+i)
	}
	s.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	b, c := s.write("one", 2), s.write("two", 2)
	token = s.commit()
	s.holds("gone on from the token", "one", a, b)
	s.holds("gone on from the token", "two", c)
	s.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	token = s.commit() // no write since
	s.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	s.holds("back at a token of no writes", "one", a, b)
}

func sinkFirstKill(s *sinkTest) {
	for range 3 {
		s.open(sdk.Start{Run: "r1"})
		s.holds("opened without a token", "one")
		s.write("one", 3)
	}
	s.open(sdk.Start{Run: "r1"})
	a := s.write("one", 1)
	s.commit()
	s.holds("after the first commit", "one", a)
	s.holds("after the first commit", "two")
}

// sinkLostToken kills the host between the sink's commit and the host's own: the token is lost.
func sinkLostToken(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	s.write("one", 3)
	s.commit() // lost
	s.open(sdk.Start{Run: "r1"})
	s.holds("the first token was lost", "one")
	a := s.write("one", 2)
	kept := s.commit()
	for range 2 {
		s.write("one", 2)
		s.write("two", 2)
		s.commit() // lost, so no call follows: one would mean that the host has saved it
		s.open(sdk.Start{Run: "r1", Token: kept, Resume: true})
		s.holds("a later token was lost", "one", a)
		s.holds("a later token was lost", "two")
	}
}

func sinkNextRun(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	a, other := s.write("one", 3), s.write("two", 1)
	token := s.commit()
	if err := s.tell(s.live, sdk.End{Run: "r1"}); err != nil {
		s.Fatalf("the end of the run: %v", err)
	}
	s.live.stop()
	next := sdk.Start{Run: "r2", Token: token, Started: started.Add(time.Second)}
	for range 2 {
		s.open(next)
		s.holds("in the next run", "one", a)
		s.holds("in the next run", "two", other)
		s.write("one", 2) // and killed
		s.write("two", 2)
	}
	s.open(next)
	next.Token, next.Resume = s.commit(), true // of nothing
	s.open(next)
	s.holds("in the next run, after a commit of nothing", "one", a)
	if s.Replaces {
		a, other = nil, nil
	}
	b := s.write("one", 2)
	next.Token, next.Resume = s.commit(), true
	s.holds("in the next run", "one", a, b)
	s.holds("in the next run", "two", other)
	s.write("two", 1)
	s.open(next)
	s.holds("in the next run, resumed", "one", a, b)
	s.holds("in the next run, resumed", "two", other)
}

func sinkFull(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	if s.guarantee.Delivery != sdk.ExactlyOnce {
		s.Skipf("the sink guarantees %q: what was there may stay", s.guarantee.Delivery)
	}
	s.write("one", 3)
	s.write("two", 3)
	token := s.commit()
	s.write("one", 1) // records of a run that is abandoned
	full := sdk.Start{Run: "r2", Token: token, Full: true, Started: started.Add(time.Second)}
	for range 2 {
		s.open(full)
		s.holds("a full run starts over", "one")
		s.holds("a full run starts over", "two")
		s.write("one", 2) // and killed
	}
	s.open(full)
	a := s.write("one", 2)
	token = s.commit()
	s.open(sdk.Start{Run: "r2", Token: token, Resume: true, Started: full.Started})
	s.holds("after a full run's commit", "one", a)
	s.holds("after a full run's commit", "two")
}

func sinkManyStreams(s *sinkTest) {
	if s.subject.Wire && !s.subject.Process {
		s.Skipf("the wire makes no difference to it")
	}
	const streams = 140 // more than a sink keeps open
	s.streams = nil
	for i := range streams {
		s.streams = append(s.streams, sdk.Stream{Name: fmt.Sprintf("stream%d", i), PrimaryKey: []string{"id"}})
	}
	s.open(sdk.Start{Run: "r1"})
	want := map[string][]string{}
	for round := range 2 {
		for _, st := range s.streams {
			want[st.Name] = append(want[st.Name], s.write(st.Name, 1)...)
		}
		if round == 0 {
			s.commit()
		}
	}
	s.commit()
	for name, records := range want {
		s.holds("of many streams", name, records)
	}
}

// sinkBadRecords: a sink rejects the records that it cannot write, one by one, and writes the
// others.
func sinkBadRecords(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	good := []string{`{"id":1,"text":"good"}`, `{"id":3,"text":"good too"}`}
	bad := "{\"id\":2,\"text\":\"\xff\xfe\"}"
	err := s.send(s.live, batchOf("one", good[0], bad, good[1]))
	var rejects sdk.Rejects
	switch {
	case err == nil:
		s.commit()
		s.holds("with a record that is not UTF-8", "one", good, []string{bad})
		return
	case !errors.As(err, &rejects):
		s.Fatalf("a record that is not UTF-8: %v; it may be rejected, not fail the batch", err)
	case len(rejects) != 1 || string(rejects[0].Record) != bad || rejects[0].Reason == "" || rejects[0].Stream != "one":
		s.Fatalf("rejects: %+v, want the one bad record", rejects)
	}
	s.commit()
	s.holds("beside a rejected record", "one", good)
}

// sinkHugeRecord: a record longer than gRPC's default limit.
func sinkHugeRecord(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	line := string(longer([]byte(`{"id":1}`)))
	err := s.send(s.live, batchOf("one", line))
	var rejects sdk.Rejects
	switch {
	case errors.As(err, &rejects):
		return
	case err != nil:
		s.Fatalf("a record of %d bytes: %.300v; take messages of up to 80 MiB", len(line), err)
	}
	s.commit()
	s.holds("with a huge record", "one", []string{line})
}

// sinkDeletions: deletions by a whole key and by its first field are accepted, and undone after a
// kill like any record.
func sinkDeletions(s *sinkTest) {
	parts := []string{`{"whole":"a","id":1}`, `{"whole":"b","id":2}`, `{"whole":"a","id":3}`, `{"whole":"ab","id":4}`,
		`{"whole":"b","id":5}`}
	s.open(sdk.Start{Run: "r1"})
	if err := s.send(s.live, batchOf("parts", parts...)); err != nil {
		s.Fatalf("write: %v", err)
	}
	token := s.commit()
	s.remove(`{"whole":"a"}`)
	s.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	if s.guarantee.Delivery != sdk.OncePerKey { // a deletion by key is repeated too
		s.holds("back at the token before a deletion", "parts", parts)
	}
	s.remove(`{"whole":"b","id":5}`)
	s.remove(`{"whole":"a"}`)
	s.remove(`{"whole":"nothing"}`)
	again := `{"whole":"a","id":3,"again":true}`
	if err := s.send(s.live, batchOf("parts", again)); err != nil {
		s.Fatalf("write: %v", err)
	}
	s.commit()
	if s.Keyed {
		s.holds("after deletions", "parts", []string{parts[1], parts[3], again})
	}
}

func (s *sinkTest) remove(key string) {
	s.Helper()
	b := batchOf("parts", key)
	b.Op = sdk.Delete
	if err := s.send(s.live, b); err != nil {
		s.Fatalf("a deletion of %s: %v", key, err)
	}
}

// sinkForeignToken: a token that the sink never made is an error, and no crash.
func sinkForeignToken(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	if host.AbilitiesOf(s.live.value).Open == nil {
		s.Skipf("the sink takes no token")
	}
	for _, token := range []string{"", "x", "null", "[]", `{"v":99}`, "\x00\xff", strings.Repeat("[", 10_000)} {
		if err := s.tryOpen(sdk.Start{Run: "r1", Token: sdk.Token(token), Resume: true}); err == nil {
			s.Errorf("token %.20q was taken", token)
		}
	}
}

func sinkParallel(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	if !host.AbilitiesOf(s.live.value).Parallel {
		s.Skipf("the sink takes one write at a time")
	}
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				line := fmt.Sprintf(`{"id":%d}`, g*1000+i)
				if err := s.send(s.live, batchOf("one", line)); err != nil {
					s.Errorf("write: %v", err)
				}
				mu.Lock()
				want = append(want, line)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.commit()
	s.holds("written at once", "one", want)
}

// sinkRandom does a random sequence of writes, commits, kills and lost tokens, and checks the place
// after each kill.
func sinkRandom(s *sinkTest) {
	if s.Rounds == 0 {
		s.Rounds = 60
	}
	random := rand.New(rand.NewPCG(11, 7))
	streams := []string{"one", "two", "three"}
	committed, written := map[string][]string{}, map[string][]string{}
	start := sdk.Start{Run: "r1"}
	s.open(start)
	for round := range s.Rounds {
		lost := false
		for range random.IntN(4) {
			stream := streams[random.IntN(len(streams))]
			written[stream] = append(slices.Clone(written[stream]), s.write(stream, 1+random.IntN(300))...)
		}
		switch random.IntN(4) {
		case 0, 1:
			start.Token, start.Resume = bytes.Clone(s.commit()), true
			committed = mapOf(written)
		case 2:
			s.commit() // the host is killed and the token is lost
			lost = true
		}
		if random.IntN(2) == 0 && !lost {
			continue
		}
		s.open(start)
		written = mapOf(committed)
		for _, stream := range streams {
			s.holds(fmt.Sprintf("killed in round %d", round), stream, committed[stream])
		}
	}
}

func mapOf(m map[string][]string) map[string][]string {
	out := map[string][]string{}
	for k, v := range m {
		out[k] = slices.Clone(v)
	}
	return out
}
