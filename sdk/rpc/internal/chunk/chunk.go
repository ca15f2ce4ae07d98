// Package chunk holds the buffers in which parts of bodies and of connections travel.
package chunk

import "sync"

// Size is how much of a body travels in one message.
const Size = 256 << 10

// Buffers holds buffers of Size bytes for parts of bodies. It is a pool of gRPC's.
var Buffers bufferPool

type bufferPool struct{ pool sync.Pool }

// Get returns a buffer of length bytes, which hold anything.
func (p *bufferPool) Get(length int) *[]byte {
	if length <= Size/2 || length > Size {
		b := make([]byte, length)
		return &b
	}
	b, ok := p.pool.Get().(*[]byte)
	if !ok {
		b = new([]byte)
		*b = make([]byte, Size)
	}
	*b = (*b)[:length]
	return b
}

// Put takes a buffer back that nobody uses any more.
func (p *bufferPool) Put(b *[]byte) {
	if cap(*b) == Size {
		p.pool.Put(b)
	}
}
