// Sets of issue ids that a census keeps between runs. Ids are used because a move changes the key.

package jira

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
)

// idSet has unique ids in ascending order. As text it is base64 of the differences as varints: two
// to three bytes an issue.
type idSet []uint64

// idsOf makes a set from ids in any order, and takes over the slice.
func idsOf(list []uint64) idSet {
	slices.Sort(list)
	return slices.Compact(list)
}

func union(sets ...idSet) idSet { return idsOf(slices.Concat(sets...)) }

func (s idSet) has(id uint64) bool {
	_, found := slices.BinarySearch(s, id)
	return found
}

// without returns the ids that are in none of the others.
func (s idSet) without(others ...idSet) idSet {
	var kept idSet
	for _, id := range s {
		if !slices.ContainsFunc(others, func(o idSet) bool { return o.has(id) }) {
			kept = append(kept, id)
		}
	}
	return kept
}

// MarshalText implements [encoding.TextMarshaler].
func (s idSet) MarshalText() ([]byte, error) {
	var raw []byte
	before := uint64(0)
	for _, id := range s {
		raw = binary.AppendUvarint(raw, id-before)
		before = id
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *idSet) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	*s = nil
	before := uint64(0)
	for len(raw) > 0 {
		step, n := binary.Uvarint(raw)
		if n <= 0 {
			return errors.New("ids: they break off")
		}
		if before+step < before || step == 0 && len(*s) > 0 {
			return errors.New("ids: they are not in ascending order") // binary search would miss them
		}
		before += step
		*s, raw = append(*s, before), raw[n:]
	}
	return nil
}

// parseID parses the id of an issue; false for ids that the source made for issues without one.
func parseID(id string) (uint64, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	return n, err == nil
}

// delivered has the ids that a walk delivered, by project, which a census must find again.
type delivered map[string][]uint64

func (d delivered) add(i *issue) {
	if id, ok := parseID(i.id); ok {
		d[i.project()] = append(d[i.project()], id)
	}
}

func (d delivered) sets() map[string]idSet {
	sets := map[string]idSet{}
	for project, list := range d {
		d[project] = idsOf(list)
		sets[project] = d[project]
	}
	return sets
}

// deliveredOf continues from a cursor.
func deliveredOf(sets map[string]idSet) delivered {
	d := delivered{}
	for project, set := range sets {
		d[project] = set
	}
	return d
}
