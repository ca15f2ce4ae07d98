// Windows: a project's issues divided by time of creation into ranges of about the wanted size,
// with few requests.

package jira

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// window is a range [from, to) of created, in whole minutes of epoch milliseconds; 0 leaves a side
// open.
type window struct {
	from, to int64
	count    int64 // issues in it, as far as known
}

// survey divides a window of a project. The parts always cover it completely; the counts only
// balance them.
func (s *Source) survey(ctx context.Context, at rest.Site, project string, whole window) ([]window, error) {
	c := s.client(ctx)
	condition := func(w window) string {
		return and(inProjects([]string{project}), between("created", w.from, w.to), s.filter())
	}
	first, total, ok, err := c.first(ctx, at, condition(whole)+" ORDER BY created ASC")
	if err != nil || !ok {
		return []window{whole}, err
	}
	if at.Flavour == rest.Cloud {
		if total, err = c.count(ctx, at, condition(whole)); err != nil {
			return nil, err
		}
	}
	whole.count = int64(max(total, 1))
	if whole.count <= s.most() {
		return []window{whole}, nil
	}
	last, _, ok, err := c.first(ctx, at, condition(whole)+" ORDER BY created DESC")
	if err != nil || !ok || last.created == 0 || first.created == 0 {
		return []window{whole}, err
	}
	inner := window{floorMinute(first.created), floorMinute(last.created) + minute, whole.count}
	parts, err := s.bisect(inner, func(w window) (int64, error) {
		n, err := c.count(ctx, at, condition(w))
		return int64(n), err
	})
	if err != nil {
		return nil, err
	}
	parts[0].from = whole.from
	parts[len(parts)-1].to = whole.to
	return parts, nil
}

// most is the largest number of issues in a window that is not divided.
func (s *Source) most() int64 { return int64(s.SplitSize) * 3 / 2 }

// bisect halves the fullest window until all are small, or until the number of requests that
// balance is worth are used up. Then it joins small neighbours.
func (s *Source) bisect(whole window, count func(window) (int64, error)) ([]window, error) {
	wanted := whole.count/int64(s.SplitSize) + 1
	budget := min(2*wanted+8, 200)
	parts := []window{whole}
	for range budget {
		n := s.fullest(parts)
		if n < 0 {
			break
		}
		w := parts[n]
		middle := floorMinute(w.from + (w.to-w.from)/2)
		low := window{from: w.from, to: middle}
		var err error
		if low.count, err = count(low); err != nil {
			return nil, err
		}
		high := window{middle, w.to, max(w.count-low.count, 0)}
		parts = slices.Replace(parts, n, n+1, low, high)
	}
	return s.join(parts), nil
}

// fullest returns the index of the window with most issues that can and should be divided, or -1.
func (s *Source) fullest(parts []window) int {
	found := -1
	for n, w := range parts {
		if w.count > s.most() && w.to-w.from >= 2*minute && (found < 0 || w.count > parts[found].count) {
			found = n
		}
	}
	return found
}

func (s *Source) join(parts []window) []window {
	joined := parts[:1]
	for _, w := range parts[1:] {
		last := &joined[len(joined)-1]
		if last.count+w.count <= cmp.Or(s.most(), 1) {
			last.to = w.to
			last.count += w.count
			continue
		}
		joined = append(joined, w)
	}
	return joined
}
