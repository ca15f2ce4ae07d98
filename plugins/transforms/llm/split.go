// Split: assigns an issue to a part of the data set.

package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// splitOf returns train, validation or test. It depends only on the issue's root, so it is the same
// in every run and for every record of the issue. Two issues with a Duplicate link have the same
// root; in longer chains only neighbours do, because an issue has only its own links. A changed
// link changes the issue, so it is read again, and all its records are written again, perhaps with
// another split.
func (t *transform) splitOf(is *issue) string {
	sum := sha256.Sum256([]byte(is.root()))
	at := float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
	s := t.Split
	at *= s.Train + s.Validation + s.Test
	switch {
	case at < s.Train:
		return "train"
	case at < s.Train+s.Validation:
		return "validation"
	}
	return "test"
}

// ref identifies an issue. The id never changes; the key does when the issue moves.
type ref struct{ id, key string }

// root returns the smallest id among the issue and those with Duplicate and Cloners links to it; if
// one has no id, the smallest key.
func (is *issue) root() string {
	all := append([]ref{{is.id, is.key}}, is.duplicates...)
	root, whole := uint64(math.MaxUint64), true
	for _, r := range all {
		id, err := strconv.ParseUint(r.id, 10, 64)
		root, whole = min(root, id), whole && err == nil
	}
	if whole {
		return strconv.FormatUint(root, 10)
	}
	key := is.key
	for _, r := range is.duplicates {
		if r.key != "" && keyLess(r.key, key) {
			key = r.key
		}
	}
	return key
}

// keyLess orders keys by project, then number.
func keyLess(a, b string) bool {
	pa, na, _ := strings.Cut(a, "-")
	pb, nb, _ := strings.Cut(b, "-")
	if pa != pb {
		return pa < pb
	}
	x, errA := strconv.ParseUint(na, 10, 64)
	y, errB := strconv.ParseUint(nb, 10, 64)
	if errA != nil || errB != nil {
		return na < nb
	}
	return x < y
}
