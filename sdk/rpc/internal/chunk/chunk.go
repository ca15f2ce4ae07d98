// Package chunk has the buffers for parts of bodies and connections.
package chunk

import "sync"

// Size is the most bytes of a body in one message.
const Size = 256 << 10

// Buffers is gRPC's pool of buffers with Size bytes.
var Buffers bufferPool

type bufferPool struct{ pool sync.Pool }

// Get returns a buffer of length bytes with undefined content.
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

// Put returns a buffer that is not used any more.
func (p *bufferPool) Put(b *[]byte) {
	if cap(*b) == Size {
		p.pool.Put(b)
	}
}
