// keysum: hashes the keys of a group's records. It recognises a page that comes again even if its
// records contain the time of the request.

package pipeline

import (
	"hash/maphash"
	"math/bits"
)

// keySum is a hash of the primary keys of records, in their order.
type keySum struct {
	names []string // names of the key's fields, quoted
	sum   uint64
	known bool

	one   uint64 // hash of the current record's key
	found uint64 // bit set of the current record's key fields
}

// begin starts a batch of a stream with this primary key.
func (k *keySum) begin(names []string) { *k = keySum{names: names, known: len(names) > 0} }

// field returns the number of the key's field with this name, from 1; 0: none.
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

// value adds the value of a key field.
func (k *keySum) value(field int, raw []byte) {
	bit := uint64(1) << (field - 1)
	k.known = k.known && k.found&bit == 0
	k.found |= bit
	k.one += mix(uint64(field), maphash.Bytes(seed, raw))
}

// record ends a record. Its key is unknown if a field is missing or occurs twice.
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
