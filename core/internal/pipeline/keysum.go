// keysum: by which keys the records of a group are known, so that a page that comes again is found
// out though its records hold the time of the request.

package pipeline

import (
	"hash/maphash"
	"math/bits"
)

// keySum is a sum of the primary keys of records, in their order.
type keySum struct {
	names []string // of the stream's key, each in its quotes
	sum   uint64
	known bool

	one   uint64 // of the record at hand
	found uint64 // which fields it has, a bit for each
}

// begin begins a batch of a stream whose key has these fields.
func (k *keySum) begin(names []string) { *k = keySum{names: names, known: len(names) > 0} }

// field returns which field of the key has this name, counted from 1, or 0.
func (k *keySum) field(name []byte) int {
	if k != nil {
		for i, of := range k.names {
			if string(name) == of {
				return i + 1
			}
		}
	}
	return 0
}

// value takes in the value of a field of the key.
func (k *keySum) value(field int, raw []byte) {
	bit := uint64(1) << (field - 1)
	k.known = k.known && k.found&bit == 0
	k.found |= bit
	k.one += mix(uint64(field), maphash.Bytes(seed, raw))
}

// record ends a record. One without its whole key, or with a field of it twice, has none that is
// known.
func (k *keySum) record() {
	if k == nil {
		return
	}
	k.known = k.known && bits.OnesCount64(k.found) == len(k.names)
	k.sum, k.one, k.found = mix(k.sum, k.one), 0, 0
}

func (k *keySum) unknown() {
	if k != nil {
		k.known = false
	}
}
