// Pages: splits are read in pages, because all of them may exceed the memory.

package checkpoint

import (
	"context"
	"iter"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// pageLength is the number of splits that the sequences below hold at a time.
	pageLength = 1000
	// pageBytes bounds the bytes of a page. A page may also be one larger split.
	pageBytes = 4 << 20
)

// EachSplit yields the run's splits with a status ("": any) in their order. An error ends it.
func EachSplit(ctx context.Context, s View, run string, status Status) iter.Seq2[[]Split, error] {
	return pages(func(last *Split) ([]Split, error) {
		q := Query{Status: status, N: pageLength}
		if last != nil {
			q.After = last.Place
		}
		return s.Splits(ctx, run, q)
	})
}

// EachPrevious yields the previous splits, ordered by id. An error ends it.
func EachPrevious(ctx context.Context, s View) iter.Seq2[[]sdk.Split, error] {
	return pages(func(last *sdk.Split) ([]sdk.Split, error) {
		after := ""
		if last != nil {
			after = last.ID
		}
		return s.Previous(ctx, after, pageLength)
	})
}

// pages yields pages until one is empty. next receives the last element of the page before.
func pages[T any](next func(last *T) ([]T, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var last *T
		for {
			page, err := next(last)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) == 0 || !yield(page, nil) {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

// All joins the pages of a sequence, for tests and for few elements.
func All[T any](pages iter.Seq2[[]T, error]) ([]T, error) {
	var out []T
	for page, err := range pages {
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
	}
	return out, nil
}

// OnePage returns a plan with one page.
func OnePage(splits []sdk.Split) iter.Seq2[[]sdk.Split, error] {
	return func(yield func([]sdk.Split, error) bool) { yield(splits, nil) }
}

// weight returns the approximate bytes of a split in a page.
func weight(s sdk.Split) int { return len(s.ID) + len(s.Stream) + len(s.Data) + len(s.Cursor) }

// room is the remaining room of a page.
type room struct{ splits, bytes int }

func newRoom(n int) room { return room{splits: n, bytes: pageBytes} }

// full adds a split and reports whether the page is full.
func (r *room) full(s sdk.Split) bool {
	r.splits--
	r.bytes -= weight(s)
	return r.splits <= 0 || r.bytes <= 0
}
