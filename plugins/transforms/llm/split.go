// Split: which part of the data set an issue belongs to.

package llm

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// splitOf returns train, validation or test. It depends on the issue's root alone, so it is the same in every run
// and for every record of the issue. Two issues that a Duplicate link joins have one root; of a longer chain only
// neighbours do, because an issue names only its own links.
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

// root is the smallest key of the issue and of those that Duplicate and Cloners links join it with.
func (is *issue) root() string {
	root := is.key
	for _, key := range is.duplicates {
		if key != "" && keyLess(key, root) {
			root = key
		}
	}
	return root
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
