// suspect decides whether a host's 503s without further information are refusals because of too
// many requests, as from many proxies, or failures.

package pace

import "time"

const (
	suspectTaken = 10 // accepted requests, before a 503 can be a refusal,
	suspectTurns = 2  // or as many times that a request was accepted after one
	// average number of accepted requests between refusals that is too small for a found rate
	suspectGap = 15
	// refusals over which that is evaluated; as many without an accepted request are an outage
	suspectRuns   = 5
	suspectMost   = 10 // refusals in which the right rate is found
	suspectFall   = 0.6
	suspectBarred = 10 * time.Minute
)

// suspect treats a 503 as a refusal on trial: the rate is lowered as after a 429. If the 503s end
// with that, it was one. If they continue at any rate, they are failures, and are treated as such
// for some time.
type suspect struct {
	taken  int
	turns  int  // times that a request was accepted after a 503
	failed bool // the last reply was one
	active bool
	runs   int              // refusals since then; a burst counts once
	streak int              // of these, without an accepted request in between
	last   time.Time        // time of the last one
	first  float64          // rate learned from the first few
	before lesson           // what was known before the trial
	lately [suspectRuns]int // accepted requests at the latest ones
	barred time.Time
}

// see processes a reply to a request sent at sent, and reports whether it is a refusal. bare: it is
// a 503 without further information.
func (s *suspect) see(sent, now time.Time, status int, bare bool) bool {
	switch {
	case status < 400:
		s.taken++
		s.streak = 0
		if s.failed {
			s.turns++
		}
		s.failed = false
		return false
	case !bare || now.Before(s.barred):
		return false
	case s.taken < suspectTaken && s.turns < suspectTurns:
		s.failed = true
		return false
	case s.active && !sent.After(s.last): // part of a burst
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
	againSoon  = 90 * time.Second // within this time after a 503 that asked for a pause, another one is no coincidence
	againTaken = 10               // accepted requests between them: a host that is down accepts none
)

// again decides whether a host's 503s that ask for a pause are refusals because of too many
// requests. A single one says nothing about a rate. If another one follows soon, with accepted
// requests in between, it is treated like a 429.
type again struct {
	last  time.Time
	taken int // successful replies until then
	often bool
}

// see processes such a 503, to a request sent at sent, after taken successful replies, and reports
// whether it concerns a rate.
func (a *again) see(sent, now time.Time, taken int) bool {
	if sent.After(a.last) {
		a.often = !a.last.IsZero() && now.Sub(a.last) < againSoon && (a.often || taken-a.taken >= againTaken)
		a.last, a.taken = now, taken
	}
	return a.often
}
