// Pages: splits are read some at a time, for there may be more of them than memory has room for.

package checkpoint

import (
	"context"
	"iter"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// pageLength is how many splits the sequences below hold at once.
	pageLength = 1000
	// pageBytes is how much of them a page holds in bytes, or one split that is larger.
	pageBytes = 4 << 20
)

// EachSplit goes through the run's splits of a status ("": of any), in their order. An error ends
// it.
func EachSplit(ctx context.Context, s View, run string, status Status) iter.Seq2[[]Split, error] {
	return pages(func(last *Split) ([]Split, error) {
		q := Query{Status: status, N: pageLength}
		if last != nil {
			q.After = last.Place
		}
		return s.Splits(ctx, run, q)
	})
}

// EachPrevious goes through the previous splits, ordered by id. An error ends it.
func EachPrevious(ctx context.Context, s View) iter.Seq2[[]sdk.Split, error] {
	return pages(func(last *sdk.Split) ([]sdk.Split, error) {
		after := ""
		if last != nil {
			after = last.ID
		}
		return s.Previous(ctx, after, pageLength)
	})
}

// pages goes from page to page until one is empty. next is given the last of the page before.
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

// All puts the pages of a sequence together: for tests, and where it is known that there are few.
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

// OnePage is a plan of these splits.
func OnePage(splits []sdk.Split) iter.Seq2[[]sdk.Split, error] {
	return func(yield func([]sdk.Split, error) bool) { yield(splits, nil) }
}

// weight is what a split takes of a page.
func weight(s sdk.Split) int { return len(s.ID) + len(s.Stream) + len(s.Data) + len(s.Cursor) }

// room counts what a page still takes.
type room struct{ splits, bytes int }

func newRoom(n int) room { return room{splits: n, bytes: pageBytes} }

// full takes a split in and reports whether it is the last of the page.
func (r *room) full(s sdk.Split) bool {
	r.splits--
	r.bytes -= weight(s)
	return r.splits <= 0 || r.bytes <= 0
}
