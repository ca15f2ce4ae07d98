// Recovery after a crash: what the host can have saved, and what the sink must hold.

package sdktest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// saying is the last known state of a child, from its output.
type saying struct {
	doing   int         // the last act that was begun; -1: none
	kept    []keptToken // tokens that it committed
	lostOne bool        // a commit came last: the host may not have saved its token
}

type keptToken struct {
	act   int
	token sdk.Token
}

func (x *crash) heard(lines []string) saying {
	x.Helper()
	s := saying{doing: -1}
	for _, line := range lines {
		f := strings.Fields(line)
		n := 0
		if len(f) > 1 {
			n, _ = strconv.Atoi(f[1]) // other lines match neither prefix
		}
		switch {
		case line == "again":
			s.lostOne = false
		case len(f) == 2 && f[0] == "do":
			s.doing, s.lostOne = n, false
		case len(f) == 3 && f[0] == "done":
			s.lostOne = x.acts[n].what == "commit"
			if !s.lostOne {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f[2], "token="))
			if err != nil {
				x.Fatalf("the child said %q: %v", line, err)
			}
			s.kept = append(s.kept, keptToken{n, raw})
		}
	}
	return s
}

// resumption is how a host continues: what it opens the sink with, what the sink must hold then,
// and which act comes next.
type resumption struct {
	token  sdk.Token
	run    int
	resume bool
	want   map[string][]string
	next   int
}

// resumption returns how a host continues after this output. With lost it has not saved the last
// token; false: there was none to lose.
func (x *crash) resumption(lines []string, lost bool) (resumption, bool) {
	x.Helper()
	s := x.heard(lines)
	if lost && !s.lostOne {
		return resumption{}, false
	}
	if lost {
		s.kept = s.kept[:len(s.kept)-1]
	}
	r := resumption{run: x.acts[max(0, s.doing)].run}
	r.next = slices.IndexFunc(x.acts, func(a act) bool { return a.run == r.run }) + 1
	if len(s.kept) == 0 {
		return r, true
	}
	last := s.kept[len(s.kept)-1]
	r.token, r.resume = last.token, x.acts[last.act].run == r.run
	if r.resume {
		r.next = last.act + 1
	}
	if r.resume || r.run != fullRun {
		r.want = x.after[last.act]
	}
	return r, true
}

// goOn opens the sink with what the host knows, checks that it holds exactly that, continues to the
// end, and checks again at the end of each run, because the last run starts over and would hide
// earlier errors.
func (x *crash) goOn(when string, r resumption) {
	x.Helper()
	h := &crashHost{x: x, token: r.token}
	defer h.end()
	if err := h.open(x.host().In(x.Context()), r.run, r.resume); err != nil {
		x.Fatalf("%s: the next start: %v", when, err)
	}
	x.compare(when+": opened again", r.want, x.keeps == sdk.ExactlyOnce)
	for i := r.next; i < len(x.acts); i++ {
		if err := h.do(i); err != nil {
			x.Fatalf("%s: gone on, %s in run %d: %v", when, x.acts[i].what, x.acts[i].run, err)
		}
		if x.acts[i].what == "stop" {
			x.compare(fmt.Sprintf("%s: gone on to the end of run %d", when, x.acts[i].run), x.after[i],
				x.keeps != sdk.AtLeastOnce)
		}
	}
}

// goOnHere is goOn on the folder that a process has left.
func (x *crash) goOnHere(when string, lines []string) {
	x.Helper()
	r, _ := x.resumption(lines, false)
	x.goOn(when, r)
}

// goOnFrom is goOn from a disk, with and without the last token. It returns the number of cases.
func (x *crash) goOnFrom(when string, c crashtest.Cut, lines []string) int {
	x.Helper()
	n := 0
	for _, lost := range []bool{false, true} {
		r, ok := x.resumption(lines, lost)
		if !ok {
			continue
		}
		if lost {
			when += ", and the host lost the last token"
		}
		x.clear()
		if err := c.Restore(x.dir); err != nil {
			x.Fatal(err)
		}
		x.goOn(when, r)
		n++
	}
	return n
}

// compare fails if records are missing or, where the sink must hold exactly what was committed, if
// there are too many. A keyed record is never there twice.
func (x *crash) compare(when string, want map[string][]string, exactly bool) {
	x.Helper()
	got := x.holds()
	for _, s := range x.seen {
		got, want := got[s.Name], want[s.Name]
		lost, more := without(want, got), without(got, want)
		if !exactly {
			more = nil
		}
		if x.keeps == sdk.OncePerKey && !exactly {
			more = without(got, slices.Compact(slices.Clone(got)))
		}
		if len(lost)+len(more) > 0 {
			x.Fatalf("%s: stream %s has %d records, and should have %d; lost: %.300q, twice or other: %.300q",
				when, s.Name, len(got), len(want), lost, more)
		}
	}
}

// without returns what is in all and missing in some, each as often as it is missing.
func without(all, some []string) []string {
	there := map[string]int{}
	for _, s := range some {
		there[s]++
	}
	var out []string
	for _, s := range all {
		if there[s]--; there[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}
