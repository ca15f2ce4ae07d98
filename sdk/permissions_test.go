package sdk_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestPermissionsCover(t *testing.T) {
	t.Parallel()
	type P = sdk.Permissions
	for name, c := range map[string]struct {
		wide, narrow P
		want         bool
	}{
		"nothing":              {P{}, P{}, true},
		"same origin":          {P{HTTP: []string{"https://a.b"}}, P{HTTP: []string{"https://A.b:443/"}}, true},
		"other scheme":         {P{HTTP: []string{"https://a.b"}}, P{HTTP: []string{"http://a.b"}}, false},
		"other port":           {P{HTTP: []string{"https://a.b"}}, P{HTTP: []string{"https://a.b:8443"}}, false},
		"below":                {P{HTTP: []string{"https://*.a.b"}}, P{HTTP: []string{"https://x.y.a.b"}}, true},
		"not itself":           {P{HTTP: []string{"https://*.a.b"}}, P{HTTP: []string{"https://a.b"}}, false},
		"a wildcard is wider":  {P{HTTP: []string{"https://x.a.b"}}, P{HTTP: []string{"https://*.a.b"}}, false},
		"suffix of a name":     {P{HTTP: []string{"https://*.a.b"}}, P{HTTP: []string{"https://xa.b"}}, false},
		"in the folder":        {P{FSRead: []string{"/data"}}, P{FSRead: []string{"/data/in/x"}}, true},
		"like the folder":      {P{FSRead: []string{"/data"}}, P{FSRead: []string{"/database"}}, false},
		"out of the folder":    {P{FSRead: []string{"/data"}}, P{FSRead: []string{"/data/../etc"}}, false},
		"relative":             {P{FSRead: []string{"."}}, P{FSRead: []string{"in/x"}}, true},
		"relative, outside":    {P{FSRead: []string{"."}}, P{FSRead: []string{"../x"}}, false},
		"relative to absolute": {P{FSRead: []string{"."}}, P{FSRead: []string{"/etc"}}, false},
		"everything":           {P{FSRead: []string{"/"}}, P{FSRead: []string{"/etc/x"}}, true},
		"writing is reading":   {P{FSWrite: []string{"/data"}}, P{FSRead: []string{"/data/x"}}, true},
		"reading is not":       {P{FSRead: []string{"/data"}}, P{FSWrite: []string{"/data/x"}}, false},
		"any port":             {P{Dial: []string{"db:*"}}, P{Dial: []string{"db:5432"}}, true},
		"any host":             {P{Dial: []string{"*:5432"}}, P{Dial: []string{"[::1]:5432"}}, true},
		"any host, one port":   {P{Dial: []string{"*:5432"}}, P{Dial: []string{"db:5433"}}, false},
		"a socket":             {P{Dial: []string{"unix:/run/x"}}, P{Dial: []string{"unix:/run/x"}}, true},
		"another socket":       {P{Dial: []string{"unix:/run"}}, P{Dial: []string{"unix:/run/x"}}, false},
		"no host is a socket":  {P{Dial: []string{"*:*"}}, P{Dial: []string{"unix:/run/x"}}, false},
		"dial is not http":     {P{Dial: []string{"a.b:443"}}, P{HTTP: []string{"https://a.b"}}, false},
	} {
		if got := c.wide.Covers(c.narrow); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestPermissionsCheck(t *testing.T) {
	t.Parallel()
	good := sdk.Permissions{
		HTTP: []string{"https://a.b", "http://[::1]:8080", "https://*.a.b"}, FSRead: []string{"/etc/ssl", "prompts"},
		FSWrite: []string{"out"}, Dial: []string{"a.b:1", "*:5432", "*.a.b:*", "[fe80::1]:22", "unix:/run/x"},
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []sdk.Permissions{
		{HTTP: []string{""}}, {Dial: []string{"unix:run/x"}}, {Dial: []string{"unix:/run/../x"}},
		{HTTP: []string{"a.b"}}, {HTTP: []string{"https://*"}}, {HTTP: []string{"https://a.b/c"}},
		{HTTP: []string{"https://u:p@a.b"}},
		{HTTP: []string{"https://*a.b"}}, {HTTP: []string{"https://a.*.b"}}, {HTTP: []string{"ftp://a.b"}},
		{HTTP: []string{"https://*."}},
		{FSRead: []string{""}}, {FSWrite: []string{"a\x00b"}}, {FSRead: []string{"in/../.."}},
		{FSWrite: []string{"/out/../"}},
		{FSRead: []string{"~\x1b[1A\x1b[2K"}}, {FSRead: []string{"a\nb"}}, {FSWrite: []string{"a\u009b1A"}},
		{FSRead: []string{"a\u202eb"}}, {FSRead: []string{"a\u200bb"}},
		{FSRead: []string{"a\xffb"}}, {HTTP: []string{"https://a.b\u202e"}}, {Dial: []string{"a\u202e.b:1"}},
		{FSRead: []string{strings.Repeat("a", 1025)}},
		{Methods: []string{"post"}}, {Methods: []string{""}}, {Methods: []string{"TRACE"}}, {Methods: []string{"A B"}},
		{HTTP: slices.Repeat([]string{"https://a.b"}, 101)}, {FSRead: slices.Repeat([]string{"a"}, 101)},
		{Dial: []string{"a.b"}}, {Dial: []string{":1"}}, {Dial: []string{"a:0"}}, {Dial: []string{"a:65536"}},
		{Dial: []string{"a:http"}}, {Dial: []string{"*a:1"}},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%v is right", bad)
		}
	}
}

// TestPermissionLines: nothing in an entry makes it look like another, or like none.
func TestPermissionLines(t *testing.T) {
	t.Parallel()
	p := sdk.Permissions{FSRead: []string{"in/my data", "日本", "a  b", " a", "a\u00a0b", "\u3164"},
		HTTP: []string{"https://a.b", "https://\u0430.b"}, Methods: []string{"POST"}}
	want := []string{
		"ask over HTTP: https://a.b", `ask over HTTP: "https://\u0430.b"`, "read files: in/my data", "read files: 日本",
		`read files: "a  b"`, `read files: " a"`, `read files: "a\u00a0b"`, `read files: "\u3164"`,
		"send over HTTP, beside GET and HEAD: POST",
	}
	if got := p.Lines(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestPermissionsAlgebra: what is left of p beside q, and what both permit, make up p again.
func TestPermissionsAlgebra(t *testing.T) {
	t.Parallel()
	entries := func(all ...string) *rapid.Generator[[]string] { return rapid.SliceOfN(rapid.SampledFrom(all), 0, 3) }
	any := rapid.Custom(func(t *rapid.T) sdk.Permissions {
		return sdk.Permissions{
			HTTP:    entries("https://a.b", "https://*.a.b", "https://x.a.b", "http://a.b").Draw(t, "http"),
			FSRead:  entries("/", "/a", "/a/b", "c", "c/d", ".").Draw(t, "read"),
			FSWrite: entries("/", "/a", "/a/b", "c", "c/d", ".").Draw(t, "write"),
			Dial:    entries("*:1", "a:1", "a:*", "x.a:1", "*.a:1", "unix:/a", "unix:/a/b").Draw(t, "dial"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		p, q := any.Draw(t, "p"), any.Draw(t, "q")
		rest, both := p.Minus(q), p.And(q)
		switch {
		case !p.Covers(p) || !p.Or(q).Covers(p) || !p.Or(q).Covers(q):
			t.Fatal("a part is not covered by the whole")
		case !p.Covers(both) || !q.Covers(both):
			t.Fatalf("%v and %v: both permit %v?", p, q, both)
		case !rest.Or(both).Covers(p):
			t.Fatalf("%v and %v: lost something: %v, %v", p, q, rest, both)
		case !reflect.DeepEqual(p.And(q), q.And(p)):
			t.Fatalf("%v and %v differ from the other way round", p, q)
		case len(p.Or(q).Lines()) == 0 && !(p.IsZero() && q.IsZero()):
			t.Fatal("nothing is said of what is permitted")
		}
	})
}
