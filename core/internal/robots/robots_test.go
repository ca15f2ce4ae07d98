// The examples of RFC 9309, and what else is met.

package robots

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// simple is the example of section 5.1.
const simple = `User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
`

// merged is that of section 2.2.1: two groups for one agent are one.
const merged = `user-agent: ExampleBot
disallow: /foo
disallow: /bar

user-agent: OtherBot
disallow: /other

user-agent: ExampleBot
disallow: /baz
`

// longest is that of section 5.2.
const longest = `User-Agent: foobot
Allow: /example/page/
Disallow: /example/page/disallowed.gif
`

func TestRFC9309(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, agent, path string
		want              bool
	}{
		{simple, "other", "/a/b.gif", false},
		{simple, "other", "/a/b.gif?x", true},
		{simple, "other", "/example/x", false},
		{simple, "other", "/publications/", true},
		{simple, "other", "/", true},
		{simple, "foobot", "/", false},
		{simple, "FooBot/2.1 (+https://example.com)", "/a", false},
		{simple, "foobot", "/example/page.html", true},
		{simple, "foobot", "/example/allowed.gif", true},
		{simple, "foobot", "/robots.txt", true},
		{simple, "barbot", "/example/page.html", false},
		{simple, "bazbot", "/example/page.html", false},
		{simple, "bazbot", "/example/", true}, // the group for everyone does not hold for it
		{simple, "quxbot", "/example/", true}, // a group without rules
		{simple, "foobot-news", "/publications/", true},
		{simple, "foobot-news", "/example/page.html", false}, // another product
		{merged, "examplebot", "/foo", false},
		{merged, "examplebot", "/bar", false},
		{merged, "examplebot", "/baz", false},
		{merged, "examplebot", "/other", true},
		{merged, "nobot", "/foo", true},
		{longest, "foobot", "/example/page/", true},
		{longest, "foobot", "/example/page/disallowed.gif", false},
		{"user-agent: *\nallow: /page\ndisallow: /page\n", "x", "/page", true}, // as long: allow
		{"user-agent: *\ndisallow: /page\nallow: /page\n", "x", "/page", true},
		{"user-agent: *\ndisallow:\n", "x", "/page", true},
		{"disallow: /\nuser-agent: *\n", "x", "/page", true}, // belongs to nobody
		{"\ufeffUSER-AGENT : *  # all\r\nDisallow\t: /a # not this\rdisallow: /b", "x", "/a", false},
		{"user-agent: *\r\rdisallow: /b", "x", "/b/c", false},
		{"user-agent: *\nsitemap: https://x/s.xml\nuser-agent: y\ndisallow: /", "x", "/", false},
		{"user-agent: a\ncrawl-delay: 3\nuser-agent: b\ndisallow: /", "a", "/", true},
		{"user-agent\ndisallow: /", "x", "/", true},
		{"<html>not: robots</html>", "x", "/", true},
		{"", "x", "/", true},
		{"user-agent: *\ndisallow: /", "x", "", false},
		{"user-agent: *\ndisallow: /?a", "x", "?a=1", false},
	} {
		if got, by := Parse([]byte(c.file)).For(c.agent).Allows(c.path); got != c.want || (by == "") != got {
			t.Errorf("%.40q for %s: %s is %v (%s), want %v", c.file, c.agent, c.path, got, by, c.want)
		}
	}
}

// TestPaths are the table of section 2.2.2 and the special characters of 2.2.3: a rule and what it
// forbids.
func TestPaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, path string
		match      bool
	}{
		{"/foo/bar?baz=quz", "/foo/bar?baz=quz", true},
		{"/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", true},
		{"/foo/bar?baz=https%3a%2f%2Ffoo.bar", "/foo/bar?baz=https://foo.bar", true},
		{"/foo/bar/ツ", "/foo/bar/%E3%83%84", true},
		{"/foo/bar/%e3%83%84", "/foo/bar/ツ", true},
		{"/foo/bar/%62%61%7A", "/foo/bar/baz", true},
		{"/foo/bar/baz", "/foo/bar/%62%61%7A", true},
		{"/foo%2Fbar", "/foo/bar", false}, // an escaped slash is none
		{"/path/file-with-a-%2A.html", "/path/file-with-a-*.html", true},
		{"/path/file-with-a-%2A.html", "/path/file-with-a-b.html", false},
		{"/path/foo-%24", "/path/foo-$", true},
		{"/path/foo-%24", "/path/foo-", false},
		{"/allow/this/*/exactly", "/allow/this/a/b/exactly?x", true},
		{"/*.php$", "/filename.php", true},
		{"/*.php$", "/folder/any.php.file.php", true},
		{"/*.php$", "/filename.php?p", false},
		{"/*.php$", "/filename.php5", false},
		{"/fish*.php", "/fishheads/catfish.php?parameters", true},
		{"/fish*.php", "/Fish.PHP", false},
		{"/a*b*c$", "/abbcc", true},
		{"/a*bc*bc$", "/abc", false},
		{"/$", "/", true},
		{"/$", "/x", false},
		{"*", "/x", true},
		{"$", "/x", false},
		{"/a$b", "/a$b", false}, // only at the end is it special, and then a path's $ is another
	} {
		ok, _ := Parse([]byte("user-agent: *\ndisallow: " + c.rule)).For("x").Allows(c.path)
		if ok == c.match {
			t.Errorf("%s matches %s: %v, want %v", c.rule, c.path, !ok, c.match)
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	f := Parse([]byte("user-agent: a\ncrawl-delay: 2.5\nuser-agent: b\n" +
		"crawl-delay: never\nuser-agent: *\ncrawl-delay: 1e300"))
	for agent, want := range map[string]time.Duration{"a": 2500 * time.Millisecond, "b": 0} {
		if got := f.For(agent).Delay; got != want {
			t.Errorf("%s: %s, want %s", agent, got, want)
		}
	}
	if f.For("c").Delay < time.Hour {
		t.Error("a long delay became short")
	}
}

// TestOnlySoMuch: what comes after the first 500 KiB is not read, and what is read takes no long
// time.
func TestOnlySoMuch(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("user-agent: *\ndisallow: /a\n")
	for b.Len() < MaxSize {
		fmt.Fprintf(&b, "disallow: /*a*a*a*a*a*%d\n", b.Len())
	}
	b.WriteString("disallow: /z\n")
	r := Parse(b.Bytes()).For("x")
	for path, want := range map[string]bool{"/a": false, "/z": true, "/" + strings.Repeat("a", 4000): false} {
		if ok, _ := r.Allows(path); ok != want {
			t.Errorf("%.20s: %v", path, ok)
		}
	}
}

func FuzzRobots(f *testing.F) {
	f.Add(simple, "foobot", "/example/page.html")
	f.Add("user-agent: *\ndisallow: /*%2$\n", "x/1", "/%2")
	f.Fuzz(func(t *testing.T, file, agent, path string) {
		r := Parse([]byte(file)).For(agent)
		ok, by := r.Allows(path)
		if ok != (by == "") || r.Delay < 0 {
			t.Errorf("%v %q %s", ok, by, r.Delay)
		}
		// A rule for the path itself, spelt with all its escapes, forbids it.
		whole := "/" + strings.TrimPrefix(path, "/")
		if normal(whole, true) != normal("/robots.txt", true) && whole != "/robots.txt" {
			if ok, _ := Parse([]byte("user-agent: *\ndisallow: " + normal(whole, true))).For("x").Allows(whole); ok &&
				len(whole) < MaxSize/4 && !strings.Contains(whole, "#") {
				t.Errorf("%q is not forbidden by itself", whole)
			}
		}
	})
}
