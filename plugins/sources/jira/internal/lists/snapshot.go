// Snapshots: which records a list had, and hashes of their content, in few bytes.

package lists

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

const (
	// snapshotLimit bounds the estimated size of a snapshot, in bytes: about 200,000 records.
	snapshotLimit = 4 << 20
	hashBytes     = 6
)

// snapshot has the hashes of a list's records by key.
type snapshot struct {
	hashes map[string]uint64
	size   int  // estimated size of its encoding
	over   bool // the records exceed the limit, so it is empty
}

func (s *snapshot) has(key string) bool { _, ok := s.hashes[key]; return ok }

func (s *snapshot) put(key string, hash uint64) {
	if s.over {
		return
	}
	if s.hashes == nil {
		s.hashes = map[string]uint64{}
	}
	if !s.has(key) {
		s.size += len(key)/2 + hashBytes + 2 // neighbouring keys share half or more
	}
	s.hashes[key] = hash
	if s.size > snapshotLimit {
		*s = snapshot{over: true}
	}
}

// encode writes the records in the order of their keys, each as the difference to the previous key,
// and its hash.
func (s *snapshot) encode() []byte {
	var out []byte
	before := ""
	for _, key := range slices.Sorted(maps.Keys(s.hashes)) {
		same := shared(before, key)
		out = binary.AppendUvarint(out, uint64(same))
		out = binary.AppendUvarint(out, uint64(len(key)-same))
		out = append(out, key[same:]...)
		var hash [8]byte
		binary.BigEndian.PutUint64(hash[:], s.hashes[key])
		out = append(out, hash[8-hashBytes:]...)
		before = key
	}
	return out
}

func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

var errSnapshot = errors.New("the snapshot of the list is damaged: start over with --full")

func decodeSnapshot(raw []byte) (snapshot, error) {
	var s snapshot
	before := ""
	for len(raw) > 0 {
		same, n := binary.Uvarint(raw)
		if n <= 0 || same > uint64(len(before)) {
			return s, errSnapshot
		}
		raw = raw[n:]
		rest, n := binary.Uvarint(raw)
		if n <= 0 || uint64(len(raw)-n) < rest || uint64(len(raw)-n)-rest < hashBytes {
			return s, errSnapshot
		}
		raw = raw[n:]
		key := before[:same] + string(raw[:rest])
		raw = raw[rest:]
		var hash [8]byte
		copy(hash[8-hashBytes:], raw[:hashBytes])
		s.put(key, binary.BigEndian.Uint64(hash[:]))
		raw = raw[hashBytes:]
		before = key
	}
	return s, nil
}
