// Package turns is a fair queue: the splits of a plugin take turns, however many items of each
// wait. It is not API.
package turns

import "container/list"

// Queue holds waiting items, in one row for each split. Its zero value is empty. It is not safe for
// concurrent use.
type Queue[T any] struct {
	rows  map[string]*row
	turns list.List // of *row, none of them empty; the first is next
	n     int       // items in all rows
}

type row struct {
	split   string
	waiting list.List
	turn    *list.Element
}

// Place is the position of a waiting item.
type Place struct {
	row *row
	at  *list.Element
}

// Len returns the number of waiting items.
func (q *Queue[T]) Len() int { return q.n }

// Add puts v at the end of its split's row or, with ahead, at its head.
func (q *Queue[T]) Add(split string, v T, ahead bool) Place {
	r := q.rows[split]
	if r == nil {
		if q.rows == nil {
			q.rows = map[string]*row{}
		}
		r = &row{split: split}
		r.turn = q.turns.PushBack(r)
		q.rows[split] = r
	}
	q.n++
	if ahead {
		return Place{r, r.waiting.PushFront(v)}
	}
	return Place{r, r.waiting.PushBack(v)}
}

// Next removes and returns the first item of the next split. The queue must not be empty.
func (q *Queue[T]) Next() T {
	r := q.turns.Front().Value.(*row)
	q.turns.MoveToBack(r.turn)
	return q.Remove(Place{r, r.waiting.Front()})
}

// Remove removes and returns the item at p, which must still be waiting.
func (q *Queue[T]) Remove(p Place) T {
	q.n--
	v := p.row.waiting.Remove(p.at).(T)
	if p.row.waiting.Len() == 0 {
		q.turns.Remove(p.row.turn)
		delete(q.rows, p.row.split)
	}
	return v
}
