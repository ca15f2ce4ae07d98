// Pages of servers that mean well, and of those that do not.

package lists

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

const prioritiesPath = "/rest/api/3/priority/search"

// priorities is a world with n of them, served 10 at a time: Cloud's list is like most of its
// lists.
func priorities(t *testing.T, n int) (*host, *list, []string) {
	values, keys := objects(n)
	l := &list{values: values, member: "values", pages: byStart, most: 10}
	f := newFake()
	f.lists[prioritiesPath] = l
	return newHost(t, f, rest.Cloud), l, keys
}

func TestPagesOfAnyServer(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirk{
		"plain":                 {},
		"says no isLast":        {noLast: true},
		"says no total":         {noTotal: true},
		"says no maxResults":    {noMost: true},
		"says nothing at all":   {noLast: true, noTotal: true, noMost: true},
		"total too small":       {total: -17},
		"total too small alone": {total: -17, noLast: true, noMost: true},
	} {
		for _, n := range []int{0, 1, 9, 10, 11, 25, 30} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				t.Parallel()
				h, l, keys := priorities(t, n)
				l.quirk = q
				if n+q.total < 0 {
					l.quirk.total = 0
				}
				want(t, "records", ids(t, h.run("priorities").records, "id"), keys)
				if most := n/10 + 3; len(h.fake.requests) > most {
					t.Errorf("%d requests for %d records, want at most %d", len(h.fake.requests), n, most)
				}
			})
		}
	}
}

// A list that ends before its end is not whole, whatever says that it goes on: it is tried once
// more, then what came of it is taken, it is said to be missing, and nothing that it held is gone.
func TestListThatEndsBeforeItsEnd(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]quirk{
		"total":             {total: 7},
		"total alone":       {total: 7, noLast: true, noMost: true},
		"more":              {alwaysMore: true},
		"more alone":        {alwaysMore: true, noTotal: true, noMost: true},
		"neither, an error": {alwaysMore: true, total: 7},
	} {
		for _, n := range []int{0, 1, 9, 10, 11, 25, 30} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) {
				t.Parallel()
				h, l, keys := priorities(t, 35)
				h.run("priorities")
				held := l.values
				l.values, l.quirk = held[:n], q
				if _, err := h.read(h.plan("priorities"), nil); err == nil ||
					!strings.Contains(err.Error(), "the server ends the list after") {
					t.Errorf("%v, want an error that says so", err)
				}
				got := h.run("priorities")
				want(t, "deleted", got.deleted, nil)
				if h.missing("priorities") != 1 {
					t.Errorf("it is not said to be missing: %v", h.counters)
				}
				l.values, l.quirk = append(held[1:], `{"id":"new","name":"new"}`), quirk{}
				got = h.run("priorities")
				want(t, "records of the whole list", ids(t, got.records, "id"), []string{"new"})
				want(t, "deleted by it", got.deleted, []string{`{"id":"` + keys[0] + `"}`})
			})
		}
	}
}

// One record in a hundred that the total counts and that never comes may be an index that names
// what is gone: the list is taken after a second look, and deletes nothing.
func TestListThatLacksAFewOfItsTotal(t *testing.T) {
	t.Parallel()
	for total, taken := range map[int]bool{1: true, 2: true, 3: false} {
		h, l, _ := priorities(t, 230)
		h.run("priorities")
		l.values, l.quirk = l.values[:220], quirk{total: total}
		h.fake.requests = nil
		got, err := h.read(h.plan("priorities"), nil)
		if (err == nil) != taken {
			t.Errorf("%d of %d lack: %v", total, 220+total, err)
		}
		want(t, "deleted", got.deleted, nil)
		if n := len(h.fake.requests); taken && n != 2*23 {
			t.Errorf("%d requests, want a second look", n)
		}
	}
}

// What is read in one reply that says to be a page is not whole either.
func TestListInOneReplyThatGoesOn(t *testing.T) {
	t.Parallel()
	values, _ := objects(12)
	f := newFake()
	f.lists["/rest/api/2/screens"] = &list{values: values, member: "values", pages: whole}
	h := newHost(t, f, rest.DataCenter)
	h.run("screens")
	f.lists["/rest/api/2/screens"].instead = `{"startAt":0,"maxResults":2,"isLast":false,"values":[` +
		strings.Join(values[:2], ",") + `]}`
	if _, err := h.read(h.plan("screens"), nil); err == nil {
		t.Error("it is taken for whole")
	}
	want(t, "deleted", h.run("screens").deleted, nil)
}

func TestOneRequestIsEnoughForAShortList(t *testing.T) {
	t.Parallel()
	h, _, _ := priorities(t, 9)
	h.run("priorities")
	if len(h.fake.requests) != 1 {
		t.Errorf("%d requests, want 1: %v", len(h.fake.requests), h.fake.requests)
	}
}

func TestMereListsOfPages(t *testing.T) {
	t.Parallel()
	values, keys := objects(25)
	for i := range values {
		values[i] = strings.Replace(values[i], `"id"`, `"accountId"`, 1)
	}
	f := newFake()
	f.lists["/rest/api/3/users/search"] = &list{values: values, pages: byStart, most: 10}
	h := newHost(t, f, rest.Cloud)
	want(t, "records", ids(t, h.run("users").records, "id"), keys)
	// Data Center 10 gives the first users again and again.
	f.lists["/rest/api/3/users/search"].quirk.ignoreStart = true
	h = newHost(t, f, rest.Cloud)
	want(t, "the first page for ever", ids(t, h.run("users").records, "id"), keys[:10])
}

func TestStartThatIsNotHeeded(t *testing.T) {
	t.Parallel()
	h, l, keys := priorities(t, 25)
	l.quirk = quirk{ignoreStart: true}
	if _, err := h.read(h.plan("priorities"), nil); err == nil ||
		!strings.Contains(err.Error(), "the same page again") {
		t.Errorf("%v, want an error that says so", err)
	}
	want(t, "the first page", ids(t, h.run("priorities").records, "id"), keys[:10])
	if h.missing("priorities") != 1 {
		t.Errorf("it is not said to be missing: %v", h.counters)
	}
	h = newHost(t, h.fake, rest.Cloud)
	l.values, l.most = l.values[:10], 10 // there is no more than that page
	l.quirk.noTotal, l.quirk.noLast = true, true
	want(t, "a whole page that comes twice", ids(t, h.run("priorities").records, "id"), keys[:10])
}

// A list that loses a record while it is read shifts, and another slips through between two pages.
func TestListThatShrinksWhileItIsRead(t *testing.T) {
	t.Parallel()
	h, l, keys := priorities(t, 35)
	h.fake.before = once(20, func() { l.values = l.values[1:] })
	got := ids(t, h.run("priorities").records, "id")
	slices.Sort(got)
	slices.Sort(keys)
	want(t, "records", got, keys)
}

// With pages of one record a list that grows at its beginning shows the first page again: it is not
// a start that is not heeded.
func TestListOfShortPagesThatGrowsWhileItIsRead(t *testing.T) {
	t.Parallel()
	h, l, keys := priorities(t, 4)
	l.most = 1
	h.fake.before = once(1, func() { l.values = slices.Insert(l.values, 0, `{"id":"new","name":"new"}`) })
	got := ids(t, h.run("priorities").records, "id")
	if missing := slices.DeleteFunc(append(slices.Clone(keys), "new"),
		func(k string) bool { return slices.Contains(got, k) }); len(missing) > 0 {
		t.Errorf("%q did not come: %q", missing, got)
	}
}

func TestListThatGrowsWhileItIsRead(t *testing.T) {
	t.Parallel()
	h, l, keys := priorities(t, 35)
	h.fake.before = once(20, func() { l.values = slices.Insert(l.values, 0, `{"id":"new","name":"new"}`) })
	got := ids(t, h.run("priorities").records, "id")
	want(t, "records, each once", got, append(keys, "new"))
}

// once calls act at the first request from start on.
func once(start int, act func()) func(string, int) {
	done := false
	return func(_ string, at int) {
		if at == start && !done {
			done = true
			act()
		}
	}
}

// Pages of dashboards begin at multiples of maxResults, even where one has fewer.
func TestAlignedPages(t *testing.T) {
	t.Parallel()
	values, keys := objects(25)
	f := newFake()
	f.lists["/rest/api/2/dashboard"] = &list{values: values, member: "dashboards", pages: byStart, most: 10}
	h := newHost(t, f, rest.DataCenter)
	want(t, "records", ids(t, h.run("dashboards").records, "id"), keys)
}

func TestRepliesInAnyShape(t *testing.T) {
	t.Parallel()
	for reply, keys := range map[string]string{
		`[{"id":"1"},{"id":"2"}]`:                         "1 2",
		`{"values":[{"id":"1"}],"total":1,"isLast":true}`: "1",
		"[{\"id\":\"1\",\"name\":\"a\x01\tb\\\"\"}]":      "1",
		`[{"id":1},{"id":2.5}]`:                           "1 2.5",
	} {
		p, err := decodePage([]byte(reply), "")
		var got []string
		for _, e := range p.elements {
			id, _ := e.value("id", nil)
			got = append(got, id)
		}
		if err != nil || strings.Join(got, " ") != keys {
			t.Errorf("%s: %v (%v), want %s", reply, got, err, keys)
		}
	}
	for reply, why := range map[string]string{
		`{"total":0}`: `no "values"`, `{"values":null}`: `no "values"`, `{"values":{}}`: "a list should be here",
		`{"errorMessages":["down"]}`: `no "values"`,
		`null`:                       "a list should be here, not null", `"no"`: "a list should be here",
		`[{"id":`: "EOF",
		`<html>`:  "invalid",
	} {
		if _, err := decodePage([]byte(reply), ""); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %s", reply, err, why)
		}
	}
}
