// Sums: the progress of a run's splits by stream, updated with each split.

package checkpoint

import "slices"

const (
	// maxSums bounds the number of streams, because a plugin may name its splits' streams freely.
	maxSums = 1000
	// OtherStreams names the sum of the splits beyond maxSums streams.
	OtherStreams = "other streams"
)

// Add adds a new split.
func (s *Sums) Add(n Split) { s.of(n.Stream).take(n, 1) }

// Change replaces a split's former contribution.
func (s *Sums) Change(before, now Split) {
	sum := s.of(now.Stream)
	sum.take(before, -1)
	sum.take(now, 1)
}

// Splits returns the number of splits by status.
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

// of returns the sum for the splits of a stream.
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

// take adds a split n times; -1 subtracts it.
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
