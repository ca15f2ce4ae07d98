// The order of results. Like Lucene, it does not define an order among ties.

package jiratest

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"
)

// hit is a match with its position among ties.
type hit struct {
	*record
	tie uint64
}

// place is the position of an issue in an order. A Cloud token contains it.
type place struct {
	Numbers []int64  `json:"n,omitempty"`
	Texts   []string `json:"t,omitempty"`
	Tie     uint64   `json:"x"`
}

// ordering compares issues by the sort keys of a query. Ties are ordered by a hash of the walk's
// seed and the id: steady within a walk, different between walks.
type ordering struct {
	keys []sortKey
	seed uint64
	asOf time.Time // of the index, if it lags; zero: it does not
}

func newOrdering(keys []sortKey, seed uint64) (ordering, error) {
	known := []string{"id", "key", "issue", "issuekey", "created", "createddate", "updated", "updateddate", "project"}
	for _, k := range keys {
		if !slices.Contains(known, k.field) {
			return ordering{}, badJQL("Not able to sort using field '" + k.field + "'.")
		}
	}
	if len(keys) == 0 {
		keys = []sortKey{{field: "key", desc: true}}
	}
	return ordering{keys: keys, seed: seed}, nil
}

// unique reports whether no two issues tie, because a key is among the sort keys.
func (o ordering) unique() bool {
	return slices.ContainsFunc(o.keys, func(k sortKey) bool {
		return slices.Contains([]string{"id", "key", "issue",
			"issuekey"}, k.field)
	})
}

// of returns the place of an issue. Each sort key gives one number and one text.
func (o ordering) of(r *record) place {
	at := o.indexed(r)
	p := place{Tie: mix(o.seed, uint64(r.id))}
	for _, k := range o.keys {
		text, number := "", int64(0)
		switch k.field {
		case "created", "createddate":
			number = r.created.UnixMilli()
		case "updated", "updateddate":
			number = at.updated.UnixMilli()
		case "project":
			text = at.project.name
		default:
			text, number = at.project.key, int64(at.num)
		}
		p.Texts, p.Numbers = append(p.Texts, text), append(p.Numbers, number)
	}
	return p
}

func (o ordering) indexed(r *record) indexed {
	if o.asOf.IsZero() {
		return r.now()
	}
	return r.asOf(o.asOf)
}

func (o ordering) comparePlaces(a, b place) int {
	for i, k := range o.keys {
		c := cmp.Or(strings.Compare(a.Texts[i], b.Texts[i]), cmp.Compare(a.Numbers[i], b.Numbers[i]))
		if k.desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Tie, b.Tie)
}

// compare is comparePlaces without making the places, for sorting many issues.
func (o ordering) compare(a, b hit) int {
	if !o.asOf.IsZero() {
		return o.comparePlaces(o.of(a.record), o.of(b.record))
	}
	for _, k := range o.keys {
		c := 0
		switch k.field {
		case "created", "createddate":
			c = cmp.Compare(a.created.UnixMilli(), b.created.UnixMilli())
		case "updated", "updateddate":
			c = cmp.Compare(a.updated.UnixMilli(), b.updated.UnixMilli())
		case "project":
			c = strings.Compare(a.project.name, b.project.name)
		default:
			c = cmp.Or(strings.Compare(a.project.key, b.project.key), cmp.Compare(a.num, b.num))
		}
		if k.desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.tie, b.tie)
}

// sorted returns the matching issues in order.
func (o ordering) sorted(all []*record, match predicate) []hit {
	var hits []hit
	for _, r := range all {
		if match(r) {
			hits = append(hits, hit{r, mix(o.seed, uint64(r.id))})
		}
	}
	slices.SortFunc(hits, o.compare)
	return hits
}

// within narrows issues in order of time to those between the bounds that the query has for that
// time, so that a page of a large site does not read all of it. What it leaves out does not match.
func (o ordering) within(hits []hit, where *clause, b binder) ([]hit, error) {
	if where == nil {
		return hits, nil
	}
	if where.node == "and" {
		var err error
		for _, part := range where.parts {
			if hits, err = o.within(hits, part, b); err != nil {
				return nil, err
			}
		}
		return hits, nil
	}
	first := o.keys[0]
	if where.node != "" || !strings.EqualFold(where.field, first.field) ||
		!slices.Contains([]string{"created", "updated"}, first.field) || !isComparison(where.operator) {
		return hits, nil
	}
	match, err := b.leaf(where)
	if err != nil {
		return nil, err
	}
	if from := where.operator[0] == '>'; from != first.desc {
		return hits[sort.Search(len(hits), func(i int) bool { return match(hits[i].record) }):], nil
	}
	return hits[:sort.Search(len(hits), func(i int) bool { return !match(hits[i].record) })], nil
}

// mix hashes two numbers into one (the finaliser of splitmix64).
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
