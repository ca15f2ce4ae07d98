// hash: hashes that identify records and cursors.

package pipeline

import "hash/maphash"

var seed = maphash.MakeSeed()

func hashOf(b []byte) uint64 { return maphash.Bytes(seed, b) }

// chain extends the hash so by a batch or reject.
func chain(so uint64, e entry) uint64 {
	h := so
	for _, part := range []uint64{maphash.String(seed, e.Stream), uint64(e.Op), maphash.Bytes(seed, e.Payload)} {
		h = mix(h, part)
	}
	return h
}

func mix(h, part uint64) uint64 {
	h = (h ^ part) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}
