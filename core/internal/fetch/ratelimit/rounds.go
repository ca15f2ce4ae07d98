// rounds is a queue in which the splits of a plugin take turns.

package ratelimit

import "container/list"

// rounds holds what waits, in a row for each split. Its zero value is empty.
type rounds struct {
	rows  map[string]*row
	turns list.List // of *row, none of them empty; the first is next
	n     int       // that wait, in all rows
}

type row struct {
	split   string
	waiting list.List
	turn    *list.Element
}

// spot is where something waits.
type spot struct {
	row *row
	at  *list.Element
}

// add puts v at the end of its split's row, or at its head.
func (r *rounds) add(split string, v any, ahead bool) spot {
	w := r.rows[split]
	if w == nil {
		if r.rows == nil {
			r.rows = map[string]*row{}
		}
		w = &row{split: split}
		w.turn = r.turns.PushBack(w)
		r.rows[split] = w
	}
	r.n++
	if ahead {
		return spot{w, w.waiting.PushFront(v)}
	}
	return spot{w, w.waiting.PushBack(v)}
}

// next takes out the first of the split whose turn it is. There must be one.
func (r *rounds) next() any {
	w := r.turns.Front().Value.(*row)
	r.turns.MoveToBack(w.turn)
	return r.remove(spot{w, w.waiting.Front()})
}

// remove takes out what waits at s.
func (r *rounds) remove(s spot) any {
	r.n--
	v := s.row.waiting.Remove(s.at)
	if s.row.waiting.Len() == 0 {
		r.turns.Remove(s.row.turn)
		delete(r.rows, s.row.split)
	}
	return v
}
