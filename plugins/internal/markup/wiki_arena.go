// The memory of the wiki reader: nodes are many and small, so that they are made by the hundred.

package markup

// arena allocates nodes. The node lists of the flows that are being read are on one stack, and
// leave it at their final length.
type arena struct {
	stack []Node
	slab  []Node
	size  int // of the next slab
	high  int // how far up the stack has been
}

// The nodes of the slabs; real bodies have a node in 40 bytes.
const (
	bytesPerNode = 40
	smallestSlab = 4
	largestSlab  = 256
)

func newArena(size int) arena { return arena{stack: make([]Node, 0, size), size: size} }

// reset frees the last slab for reuse. Its nodes must not be in use any more.
func (a *arena) reset() {
	clear(a.slab)
	clear(a.stack[:a.high])
	a.slab, a.stack, a.high = a.slab[:0], a.stack[:0], 0
}

// push puts nodes on the stack. The stack doubles, where append would grow it by a quarter.
func (a *arena) push(nodes ...Node) {
	if n := len(a.stack) + len(nodes); n > cap(a.stack) {
		a.stack = append(make([]Node, 0, max(n, 2*cap(a.stack))), a.stack...)
	}
	a.stack = append(a.stack, nodes...)
}

// pop removes the nodes from base on from the stack. A large stack without other nodes is handed
// out itself.
func (a *arena) pop(base int) []Node {
	if base == len(a.stack) {
		return nil
	}
	if base == 0 && len(a.stack) > maxStack {
		out := a.stack
		a.stack, a.high = nil, 0
		return out[:len(out):len(out)]
	}
	a.high = max(a.high, len(a.stack))
	out := append(a.reserve(len(a.stack)-base), a.stack[base:]...)
	a.stack = a.stack[:base]
	return out
}

// reserve returns a place for n nodes.
func (a *arena) reserve(n int) []Node {
	if n > cap(a.slab)-len(a.slab) {
		if n > a.size/2 {
			return make([]Node, 0, n)
		}
		a.slab = make([]Node, 0, a.size)
	}
	at := len(a.slab)
	a.slab = a.slab[:at+n]
	return a.slab[at : at : at+n]
}

// paragraphs is the function of that name, with a place from the arena.
func (a *arena) paragraphs(flat []Node) []Node {
	if len(flat) == 0 {
		return nil
	}
	out := appendParagraphs(a.reserve(mostParagraphs(flat)), flat)
	if unused := cap(out) - len(out); len(a.slab) >= cap(out) && cap(out) <= a.size/2 {
		a.slab = a.slab[:len(a.slab)-unused]
	}
	return out[:len(out):len(out)]
}

// The largest that is kept: a body of some megabytes is rare, and its memory is given back.
const (
	maxScratch = 256 << 10 // bytes
	maxStack   = 4096      // nodes
)
