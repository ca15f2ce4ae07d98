// Split: which part of the data set an issue belongs to.

package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// splitOf returns train, validation or test. It depends on the issue's root alone, so it is the
// same in every run and for every record of the issue. Two issues that a Duplicate link joins have
// one root; of a longer chain only neighbours do, because an issue names only its own links. A link
// that comes or goes later is a change of the issue: it is read again, and all its records are
// written anew, maybe with another split.
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

// ref names an issue. The id never changes; the key does when the issue moves to another project.
type ref struct{ id, key string }

// root is the smallest id of the issue and of those that Duplicate and Cloners links join it with.
// Where one of them has no id it is the smallest key.
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

// keyLess orders keys by project, then by number.
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
