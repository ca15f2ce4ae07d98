// The end of a run, and writes of processes that should have ended.

package conformance

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// sinkFinish: the host calls Finish until it has recorded that the call succeeded, on whichever
// instance runs then.
func sinkFinish(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	if host.AbilitiesOf(s.live.value).Finish == nil {
		s.Skipf("the end of a run is nothing to the sink")
	}
	a := s.write("one", 3)
	start := sdk.Start{Run: "r1", Token: s.commit(), Resume: true}
	s.finish(start, "of the first run", a)

	start = sdk.Start{Run: "r2", Token: start.Token, Started: started.Add(time.Second)}
	s.open(start)
	s.holds("in the next run", "one", a)
	s.write("one", 1) // killed after this
	s.open(start)
	s.holds("in the next run, killed", "one", a)
	if s.Replaces {
		a = nil
	}
	a = append(slices.Clone(a), s.write("one", 2)...)
	start.Token, start.Resume = s.commit(), true
	s.open(start) // killed between the commit and Finish
	s.holds("in the next run, killed before its end", "one", a)
	s.finish(start, "of the next run", a)

	if s.guarantee.Delivery != sdk.ExactlyOnce {
		return
	}
	start = sdk.Start{Run: "r3", Token: start.Token, Full: true, Started: started.Add(2 * time.Second)}
	s.open(start)
	a = s.write("one", 2)
	start = sdk.Start{Run: "r3", Token: s.commit(), Resume: true, Started: start.Started}
	s.finish(sdk.Start{Run: "r3", Token: start.Token, Resume: true, Full: true, Started: start.Started},
		"of a full run", a)
}

// finish calls Finish repeatedly: on one instance, and on others after a kill. start is what they
// are opened with; one is open. Full is the value that the host passes about the run at its end.
func (s *sinkTest) finish(start sdk.Start, when string, want []string) {
	s.Helper()
	end := sdk.End{Run: start.Run, Full: start.Full}
	start.Full = false // Full is never set with Resume
	for i := range 3 {
		for range 2 {
			if err := s.tell(s.live, end); err != nil {
				s.Fatalf("the end %s, told for the %d. time: %v", when, i+1, err)
			}
			s.holds("after the end "+when, "one", want)
		}
		s.open(start)
		s.holds("opened again after the end "+when, "one", want)
	}
	if err := s.tell(s.live, end); err != nil {
		s.Fatalf("the end %s, told once more: %v", when, err)
	}
}

const (
	// sleeps is how long a former instance keeps its locks before it is killed.
	sleeps = 2 * time.Second
	// openPatience is how long the writes of a former instance stay in flight if the next instance
	// cannot be opened before they arrive.
	openPatience = 300 * time.Millisecond
)

// maxLate is at how many points on its way to a commit an instance is killed, spread evenly.
const maxLate = 12

// sinkFenced: an instance is replaced while it still runs, or while its writes are in flight. What
// these do later must have no effect: no commit covers it, or it is there already.
func sinkFenced(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	if s.guarantee.Delivery != sdk.ExactlyOnce {
		s.Skipf("the sink guarantees %q: what comes late may be there twice", s.guarantee.Delivery)
	}
	s.write("one", 2)
	writes := s.live.conns.written()
	s.write("one", 1)
	s.commit()
	if !s.live.conns.any() {
		s.Skipf("the sink makes no connections: what a process that has ended has written is where it is")
	}
	n := s.live.conns.written() - writes

	s.open(sdk.Start{Run: "r1"})
	kept := s.write("one", 2)
	start := sdk.Start{Run: "r1", Token: s.commit(), Resume: true}
	kept = s.wakes(&start, kept)
	places := make([]int, n)
	for i := range places {
		places[i] = i + 1
	}
	for _, at := range spread(places, maxLate) {
		kept = s.late(&start, kept, at)
	}
}

// wakes pauses an instance while another replaces it, and then continues it.
func (s *sinkTest) wakes(start *sdk.Start, kept []string) []string {
	s.Helper()
	s.open(*start)
	former := s.live
	s.write("one", 1)
	var keptAway atomic.Bool
	hurry := time.AfterFunc(sleeps, func() { keptAway.Store(true); former.kill() })
	err := s.tryOpenBeside(*start)
	if hurry.Stop(); err != nil && !errors.Is(err, errHung) {
		former.kill() // the former instance holds a lock that the new one needs
		err = s.tryOpen(*start)
		keptAway.Store(true)
	}
	if err != nil {
		s.Fatalf("open, after an instance that was killed: %v", err)
	}
	if keptAway.Load() {
		return s.after("an instance that kept others away was killed", start, kept)
	}
	for range 2 {
		// Its errors do not matter, only what is at the place does. The host stops an instance that
		// is told to stop.
		err := s.send(former, batchOf("one", s.records("one", 1)...))
		if err == nil {
			_, err = s.tokenOf(former)
		}
		if err == nil {
			err = s.tell(former, sdk.End{Run: start.Run})
		}
		if err != nil {
			former.kill()
		}
		kept = s.after("a former instance went on to write and to commit", start, kept)
		if err != nil {
			return kept
		}
	}
	former.kill()
	return kept
}

// late kills an instance at a point on its way to a commit. Its last writes arrive when another
// instance has been opened.
func (s *sinkTest) late(start *sdk.Start, kept []string, at int) []string {
	s.Helper()
	s.open(*start)
	former := s.live
	held, done := former.conns.hold(at), make(chan struct{})
	batch := batchOf("one", s.records("one", 1)...)
	go func() {
		defer close(done)
		if s.send(former, batch) == nil {
			_, _ = s.tokenOf(former) // the call does not return
		}
	}()
	select {
	case <-held:
	case <-done: // it has made fewer writes this time
	case <-time.After(s.watch.limit()):
		s.Fatalf("%v: a write and a commit were still at it after %v", errHung, s.watch.limit())
	}
	former.kill()
	arrive := sync.OnceFunc(former.conns.arrive)
	time.AfterFunc(openPatience, arrive)
	err := s.tryOpenBeside(*start)
	if arrive(); err != nil {
		s.Fatalf("open, while what a former process has sent is on its way: %v", err)
	}
	return s.after("what a former process had sent has arrived", start, kept)
}

// after compares what is at the place with what was committed, and commits something more.
func (s *sinkTest) after(when string, start *sdk.Start, kept []string) []string {
	s.Helper()
	s.holds(when, "one", kept)
	kept = append(slices.Clone(kept), s.write("one", 1)...)
	start.Token = s.commit()
	s.holds(when+", and the next one has committed", "one", kept)
	return kept
}
