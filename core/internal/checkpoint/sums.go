// Sums: how far the splits of a run are, by stream, kept as they change.

package checkpoint

import "slices"

// Sum is what the splits of one stream come to.
type Sum struct {
	Stream                      string
	Open, Done, Broken, Skipped int
	Records                     int64 // delivered
	// Expected is how many records the splits have in all: of one that ended those that were
	// delivered, of another one at least what was estimated.
	Expected int64
	Unknown  int // splits that have not ended and have no estimate
}

// Sums are those of a run, in the order of each stream's first split.
type Sums []Sum

const (
	// maxSums bounds the streams that are told apart: a plugin may call those of its splits as it
	// likes.
	maxSums = 1000
	// OtherStreams is the sum of the splits of all others.
	OtherStreams = "other streams"
)

// Add takes in a new split.
func (s *Sums) Add(n Split) { s.of(n.Stream).take(n, 1) }

// Change takes in that a split is now what it was not before.
func (s *Sums) Change(before, now Split) {
	sum := s.of(now.Stream)
	sum.take(before, -1)
	sum.take(now, 1)
}

// Splits returns how many splits there are, by status.
func (s Sums) Splits() map[Status]int {
	out := map[Status]int{}
	for _, sum := range s {
		for status, n := range map[Status]int{Open: sum.Open, Done: sum.Done, Broken: sum.Broken,
			Skipped: sum.Skipped} {
			if n > 0 {
				out[status] += n
			}
		}
	}
	return out
}

// of returns the sum that the splits of a stream go to.
func (s *Sums) of(stream string) *Sum {
	i := s.index(stream)
	if i < 0 && len(*s) >= maxSums {
		stream = OtherStreams
		i = s.index(stream)
	}
	if i < 0 {
		i = len(*s)
		*s = append(*s, Sum{Stream: stream})
	}
	return &(*s)[i]
}

func (s *Sums) index(stream string) int {
	return slices.IndexFunc(*s, func(sum Sum) bool { return sum.Stream == stream })
}

// take adds a split n times; -1 takes it away.
func (s *Sum) take(p Split, n int) {
	switch p.Status {
	case Open:
		s.Open += n
	case Done:
		s.Done += n
	case Broken:
		s.Broken += n
	case Skipped:
		s.Skipped += n
	}
	s.Records += int64(n) * p.Records
	switch {
	case p.Status == Done || p.Status == Skipped:
		s.Expected += int64(n) * p.Records
	default:
		s.Expected += int64(n) * max(p.Estimate, p.Records)
		if p.Estimate == 0 {
			s.Unknown += n
		}
	}
}
