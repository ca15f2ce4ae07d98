// Memory that a conversion needs only while it runs.

package markup

import "sync"

// scratch is the memory of one conversion. The next one reuses it: most bodies are short, and
// allocating it would take as long as the conversion.
type scratch struct {
	arena arena // of a tree that is not returned
	out   []byte
}

// scratches holds the unused ones. They carry no state: they are empty.
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
