// Package robots parses robots.txt as in RFC 9309. Package fetch requests the files, for sources
// that ask to obey them.
package robots

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// MaxSize is how many bytes of a file are read, which is the minimum of the RFC.
const MaxSize = 500 << 10

// File is a robots.txt.
type File struct {
	groups []group
}

// group is a list of user agents with their rules.
type group struct {
	agents []string // in lower case
	rules  []rule
	delay  time.Duration
}

// Parse parses a file. It ignores invalid lines, and never fails.
func Parse(text []byte) *File {
	text = bytes.TrimPrefix(text[:min(len(text), MaxSize)], []byte("\ufeff"))
	p := parser{file: &File{}}
	for line := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		if name, value, ok := bytes.Cut(line, []byte(":")); ok {
			p.line(strings.ToLower(string(bytes.TrimSpace(name))), string(bytes.TrimSpace(value)))
		}
	}
	return p.file
}

// parser parses lines. Consecutive lines of user agents begin one group.
type parser struct {
	file  *File
	named bool // the last line of a group was a user agent
}

func (p *parser) line(name, value string) {
	switch name {
	case "user-agent":
		if !p.named {
			p.file.groups = append(p.file.groups, group{})
		}
		p.named = true
		g := &p.file.groups[len(p.file.groups)-1]
		g.agents = append(g.agents, product(value))
	case "allow", "disallow", "crawl-delay":
		p.named = false
		if len(p.file.groups) == 0 {
			return // a rule without a group
		}
		g := &p.file.groups[len(p.file.groups)-1]
		if name == "crawl-delay" {
			g.delay = max(g.delay, delay(value))
		} else if value != "" { // an empty "Disallow:" forbids nothing
			g.rules = append(g.rules, newRule(name == "allow", value))
		}
	}
}

// product is the relevant part of a user agent: "scrapekit" of "scrapekit/1.0 (+https://…)".
func product(agent string) string {
	if strings.HasPrefix(agent, "*") {
		return "*"
	}
	end := strings.IndexFunc(agent, func(r rune) bool {
		return !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
	if end >= 0 {
		agent = agent[:end]
	}
	return strings.ToLower(agent)
}

// delay parses Crawl-delay, in seconds, which is widely used but not part of the RFC.
func delay(value string) time.Duration {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n > 0) {
		return 0
	}
	const most = float64(math.MaxInt64 / int64(time.Second))
	return time.Duration(min(n, most-1) * float64(time.Second))
}

// Rules are the rules for one user agent.
type Rules struct {
	Delay time.Duration // minimum between two requests; 0: none
	rules []rule
}

// For returns the rules for a User-Agent header: those of all groups with its product, or else of
// the groups for all agents.
func (f *File) For(agent string) Rules {
	for _, name := range []string{product(agent), "*"} {
		if r, ok := f.named(name); ok {
			return r
		}
	}
	return Rules{}
}

func (f *File) named(agent string) (r Rules, found bool) {
	for _, g := range f.groups {
		for _, a := range g.agents {
			if a == agent && a != "" {
				found = true
				r.rules = append(r.rules, g.rules...)
				r.Delay = max(r.Delay, g.delay)
				break
			}
		}
	}
	return r, found
}

// Allows reports whether a path, with its query, may be requested. If not, by is the forbidding
// rule. The longest matching rule applies; among equally long ones, the allowing one.
func (r Rules) Allows(path string) (ok bool, by string) {
	if path == "" || path[0] == '?' {
		path = "/" + path
	}
	if path == "/robots.txt" {
		return true, ""
	}
	path = normal(path, true)
	best := rule{allow: true, length: -1}
	for _, one := range r.rules {
		if (one.length > best.length || one.length == best.length && one.allow) && one.matches(path) {
			best = one
		}
	}
	if best.allow {
		return true, ""
	}
	return false, "Disallow: " + best.text
}
