// Saving: a cursor after every page, or, once it is long, after as many pages as pay for it.

package lists

import "context"

// perRequest is how many bytes of cursor one request is worth.
const perRequest = 16 << 10

// saveState is what a long cursor owes.
type saveState struct {
	requests int // since the last one
	last     int // length of the last one
}

// save emits a cursor if it is due, and what came before was read with the credentials.
func (r *reading) save(ctx context.Context) error {
	r.saves.requests++
	if r.saves.requests*perRequest < r.saves.last {
		return nil
	}
	if ok, err := r.site.Client.Sure(ctx); !ok {
		return err
	}
	r.forget()
	c := r.at
	c.Seen, c.Over = r.seen.encode(), r.seen.over
	r.saves = saveState{last: len(c.Seen) + 32*(len(c.Parents)+len(c.Found))}
	return r.out.Cursor(c)
}
