// Tests of the synthetic issues: the same seed gives the same bytes, and they
// have what real ones have.

package jiratest

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// everything serves all issues in full, in the order of keys.
func everything(t *testing.T, s *Server) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET",
		"/rest/api/2/search?jql=order+by+key&maxResults=100000&fields=*all,-"+volatileField+"&expand=changelog", nil))
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	return w.Body.Bytes()
}

func generated(o Options, spec Synthetic) *Server {
	o.MaxResults = 100000
	s := New(o)
	s.Generate(spec)
	return s
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	spec := Synthetic{Projects: []Project{{Key: "ALPHA", Issues: 200}, {Key: "BETA", Issues: 50, Gaps: 0.1}}}
	wall := func() time.Time { return time.Unix(1, 0) }
	a, b := everything(t, generated(Options{Seed: 5}, spec)), everything(t,
		generated(Options{Seed: 5, Now: wall}, spec))
	if !bytes.Equal(a, b) {
		t.Error("the same seed gave other issues")
	}
	if c := everything(t, generated(Options{Seed: 6}, spec)); bytes.Equal(a, c) {
		t.Error("another seed gave the same issues")
	}
}

func TestSyntheticIssuesLookReal(t *testing.T) {
	t.Parallel()
	s := generated(Options{Seed: 1}, Synthetic{Projects: []Project{{Key: "ALPHA", Issues: 3000}}})
	var counts []int
	perMinute := map[int64]int{}
	for _, i := range s.Snapshot() {
		counts = append(counts, len(i.Comments))
		perMinute[i.Updated.Unix()/60]++
		if i.Updated.Before(i.Created) {
			t.Errorf("%s was updated before it was created", i.Key)
		}
	}
	slices.Sort(counts)
	if median := counts[1500]; median < 2 || median > 4 || counts[2999] < 60 {
		t.Errorf("comments: median %d, most %d; want about 3 and over 60", median, counts[2999])
	}
	ties := 0
	for _, n := range perMinute {
		ties = max(ties, n)
	}
	if ties < 5 {
		t.Errorf("at most %d issues share a minute; want some ties", ties)
	}
	all := string(everything(t, s))
	for _, want := range []string{`{code:java}`, `{noformat}`, `||version||`, `[~renske]`, `{quote}`, `Integrated in`,
		`opened a new pull request`,
		`"author":null`, `\u001b[31m`, `\u0000`, `\r\n`, `佐藤`, `"Duplicate","inward"`, `"toString":"Resolved"`,
		`"field":"priority"`, `"field":"issuetype"`,
		`"active":false`, `"parent":{"id"`, `"timeSpentSeconds"`, `"fixVersions":[{`, `"labels":["`,
		`"attachment":[{`} {
		if !strings.Contains(all, want) {
			t.Errorf("none of 3000 issues has %s", want)
		}
	}
	if regexp.MustCompile(`<(class|method|thing|setting|event|n|version)>`).MatchString(all) {
		t.Error("a template was not filled in")
	}
	if !long(s) {
		t.Error("no comment or description of over 80 lines")
	}
}

// long reports whether some text has more than 80 lines.
func long(s *Server) bool {
	return slices.ContainsFunc(s.store.all, func(r *record) bool {
		return slices.ContainsFunc(r.comments, func(c comment) bool { return strings.Count(c.body, "\n") > 80 })
	})
}

func TestHugeCommentAndGaps(t *testing.T) {
	t.Parallel()
	s := generated(Options{}, Synthetic{HugeComment: 3 << 20, Projects: []Project{{Key: "A", Issues: 300, Gaps: 0.2}}})
	truth := s.Snapshot()
	if len(truth) != 300 || truth[299].Key == "A-300" {
		t.Errorf("%d issues, the last is %s; want 300 with gaps", len(truth), truth[299].Key)
	}
	if n := len(s.store.byID[s.store.all[0].id].comments[0].body); n != 3<<20 {
		t.Errorf("the huge comment has %d bytes", n)
	}
}

func TestVolatileFieldDiffersOnEachFetch(t *testing.T) {
	t.Parallel()
	_, base := serve(t, Options{}, 2)
	first, second := issueOf(t, base, "ALPHA-1"), issueOf(t, base, "ALPHA-1")
	if bytes.Equal(first.Fields[volatileField], second.Fields[volatileField]) {
		t.Error("the volatile field stayed the same")
	}
	for name, raw := range first.Fields {
		if name != volatileField && !bytes.Equal(raw, second.Fields[name]) {
			t.Errorf("%s changed between two fetches", name)
		}
	}
}

func TestTimesAreWrittenInTheAccountsZone(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("IST", 5*3600+1800)
	s, base := serve(t, Options{TimeZone: zone}, 1)
	got := text(t, issueOf(t, base, "ALPHA-1").Fields["created"])
	if want := s.Issues("ALPHA")[0].Created.In(zone).Format(stampLayout); got != want ||
		!strings.HasSuffix(got, "+0530") {
		t.Errorf("created %s, want %s", got, want)
	}
}

func TestAppendQuotedIsJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a\"b\\c\n\r\t\x00\x1f\x7f", "ž 佐藤 \u2028 😀", "bad \xff byte"} {
		var back string
		if err := json.Unmarshal(appendQuoted(nil, s), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") {
			t.Errorf("%q came back as %q (%v)", s, back, err)
		}
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	t.Parallel()
	const good = `{"id":"7","key":"A-1","fields":{"created":"2024-01-01T00:00:00.000+0000"}}` + "\n"
	for _, c := range []struct{ line, want string }{
		{`{`, "line 2: "},
		{`{"id":"x","key":"A-2","fields":{}}`, `line 2: id "x": want digits`},
		{`{"id":"8","key":"A2","fields":{}}`, `line 2: issue key "A2": want PROJECT-123`},
		{`{"id":"8","key":"A-2","fields":[]}`, "line 2: issue A-2: fields: want an object"},
		{`{"id":"8","key":"A-2","fields":{"created":"soon"}}`, "line 2: issue A-2: created: "},
		{`{"id":"8","key":"A-1","fields":{"created":"2024-01-01T00:00:00.000+0000"}}`,
			"line 2: issue A-1: another id has this key"},
	} {
		err := New(Options{}).LoadIssues(strings.NewReader(good + c.line))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", c.line, err, c.want)
		}
	}
}
