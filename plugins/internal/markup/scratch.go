// What a conversion needs only while it runs.

package markup

import "sync"

// scratch is the memory of one conversion, which the next one uses again: most bodies are short,
// and making it would take as long as the conversion.
type scratch struct {
	arena arena // of a tree that nobody sees
	out   []byte
}

// scratches holds those that nobody uses. It is no state: what comes out of it is empty.
var scratches = sync.Pool{New: func() any {
	return &scratch{arena: newArena(largestSlab),
		out: make([]byte, 0, 4<<10)}
}}

func (s *scratch) put() {
	if cap(s.out) > maxScratch || cap(s.arena.stack) > 2*maxStack {
		return
	}
	s.arena.reset()
	scratches.Put(s)
}

func (s *scratch) markdown(doc Node, o Options) string {
	w := writer{o: o, open: true, out: s.out[:0]}
	w.blocks(doc.Content, false)
	s.out = w.out
	return string(w.out)
}
