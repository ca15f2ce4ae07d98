// suspect finds out whether the 503s of a host, which say nothing else, are refusals for asking too
// often, as those of many proxies are, or failures.

package pace

import "time"

const (
	suspectTaken = 10 // requests taken, before a 503 is anything but a failure
	// requests taken from one refusal to the next, on the average, are too few for a rate that was
	// found
	suspectGap = 15
	// refusals over which that is looked at; and so many without anything taken between them are an
	// outage
	suspectRuns   = 5
	suspectMost   = 10 // refusals in which a rate is found that is hardly refused
	suspectFall   = 0.6
	suspectBarred = 10 * time.Minute
)

// suspect takes a 503 for a refusal on trial: the host is asked more slowly, as after a 429. If it
// was one, the 503s end with that. If they go on however slowly it is asked, they are failures, and
// for some time nothing else is thought of them.
type suspect struct {
	taken  int
	active bool
	runs   int              // refusals since then, a volley being one
	streak int              // of these, with nothing taken between them
	last   time.Time        // the last of them
	first  float64          // the rate that the first few have taught
	before lesson           // what was known before it
	lately [suspectRuns]int // taken, at the latest of them
	barred time.Time
}

// see takes in a reply to a request sent at a time, and reports whether it is a refusal; bare says
// that it is a 503 without a word.
func (s *suspect) see(sent, now time.Time, status int, bare bool) bool {
	switch {
	case status < 400:
		s.taken++
		s.streak = 0
		return false
	case !bare || now.Before(s.barred) || s.taken < suspectTaken:
		return false
	case s.active && !sent.After(s.last): // one of a volley
		return true
	case !s.active:
		s.active, s.runs, s.streak, s.first = true, 0, 0, 0
	}
	s.last = now
	s.runs++
	s.streak++
	at := &s.lately[s.runs%suspectRuns]
	often := s.runs > suspectMost && s.taken-*at < suspectGap*suspectRuns
	*at = s.taken
	if s.streak >= suspectRuns || often {
		s.bar(now)
		return false
	}
	return true
}

// bar ends the trial.
func (s *suspect) bar(now time.Time) { s.active, s.barred = false, now.Add(suspectBarred) }

const (
	againSoon  = 90 * time.Second // after the last 503 that asked for a pause, another one is no chance
	againTaken = 10               // requests taken between the two: a host that is away takes none
)

// again finds out whether the 503s of a host that ask for a pause are refusals for asking too
// often. One tells nothing of a rate: the host may be busy with something else. If another comes
// soon, and the host has taken requests between the two, it tells what a 429 does.
type again struct {
	last  time.Time
	taken int // good replies until then
	often bool
}

// see takes in such a 503 to a request sent at a time, after so many good replies, and reports
// whether it is of a rate.
func (a *again) see(sent, now time.Time, taken int) bool {
	if sent.After(a.last) {
		a.often = !a.last.IsZero() && now.Sub(a.last) < againSoon && (a.often || taken-a.taken >= againTaken)
		a.last, a.taken = now, taken
	}
	return a.often
}
