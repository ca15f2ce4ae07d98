// Issues that were delivered without some of their parts.

package jira

import "slices"

// lackSet is a set of issues, each with the number of parts that could not be read, in the order of
// their ids. Each entry is the id times 16, plus the number, at most 15. As text it is as short as
// an [idSet].
type lackSet []uint64

const (
	lackBits = 4
	mostLack = 1<<lackBits - 1
)

// put stores the number of parts that an issue lacks; 0: it lacks none any more.
func (s *lackSet) put(id uint64, lacks int) {
	n, found := s.find(id)
	if found {
		*s = slices.Delete(*s, n, n+1)
	}
	if lacks > 0 {
		*s = slices.Insert(*s, n, id<<lackBits|uint64(min(lacks, mostLack)))
	}
}

func (s *lackSet) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(*s, id, func(e, id uint64) int {
		switch e >>= lackBits; {
		case e < id:
			return -1
		case e > id:
			return 1
		}
		return 0
	})
}

// of returns the number of parts that an issue lacks.
func (s *lackSet) of(id uint64) int {
	n, found := s.find(id)
	if !found {
		return 0
	}
	return int((*s)[n] & mostLack)
}

func (s *lackSet) ids() []uint64 {
	ids := make([]uint64, len(*s))
	for n, e := range *s {
		ids[n] = e >> lackBits
	}
	return ids
}

// MarshalText implements [encoding.TextMarshaler].
func (s lackSet) MarshalText() ([]byte, error) { return idSet(s).MarshalText() }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *lackSet) UnmarshalText(text []byte) error { return (*idSet)(s).UnmarshalText(text) }
