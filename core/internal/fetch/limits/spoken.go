// Forms that are not those of most hosts: a size with its window in words, pairs of both, a cost
// and a refusal in a header of their own.

package limits

import (
	"regexp"
	"strconv"
	"strings"
)

// perTime is a size with its window: 60/minute, 5000 per hour, 100 requests per 10 seconds.
var perTime = regexp.MustCompile(`(?i)^(\d+)\s*(?:requests?|reqs?|calls?|queries|hits|tokens|points)?\s*` +
	`(?:/|\bper\b|\bin\b|\bevery\b)\s*(\d*)\s*(s|m|h|d|[a-z]{3,})$`)

// spelled writes each member of a list that is a size with its window as the IETF draft does:
// 60;w=60.
func spelled(list string) string {
	members := split(list, ',')
	for i, member := range members {
		m := perTime.FindStringSubmatch(member)
		if m == nil {
			continue
		}
		window, ok := periods[strings.TrimSuffix(strings.ToLower(m[3]), "s")]
		if !ok {
			if window, _, ok = duration("1"+m[3], 0); !ok {
				return list
			}
		}
		if n, ok := number(m[2]); ok {
			window = seconds(n * window.Seconds())
		}
		members[i] = m[1] + ";w=" + strconv.FormatFloat(window.Seconds(), 'f', -1, 64)
	}
	return strings.Join(members, ", ")
}

// spell does so for what a group states.
func (g *group) spell() {
	for _, v := range []*string{&g.max, &g.policy, &g.bare} {
		if strings.ContainsAny(*v, "/pieP") { // "/", "per", "in", "every"
			*v = spelled(*v)
		}
	}
	if g.max == "" && perTimeWritten.MatchString(g.bare) {
		g.max, g.bare = g.bare, ""
	}
}

// perTimeWritten is what spelled makes.
var perTimeWritten = regexp.MustCompile(`^\d+;w=[\d.]+(?:, \d+;w=[\d.]+)*$`)

// inPairs is a list of sizes, each with its window in seconds: 20:1,100:120.
var inPairs = regexp.MustCompile(`^\d+:\d+(?:\s*,\s*\d+:\d+)*$`)

// pairs reads limits of that form; what was used of each is told alike.
func (r *reader) pairs(g *group) {
	list := g.bare
	if list == "" {
		list = g.max
	}
	if !inPairs.MatchString(list) {
		return
	}
	used := map[string]float64{}
	for _, member := range split(g.used, ',') {
		count, window, _ := strings.Cut(member, ":")
		if n, ok := number(count); ok {
			used[window] = n
		}
	}
	for _, member := range split(list, ',') {
		size, window, _ := strings.Cut(member, ":")
		n, ok1 := number(size)
		w, ok2 := number(window)
		if !ok1 || !ok2 || n < 1 || w < 1 {
			r.ignore(display(g.name), member)
			continue
		}
		l := Limit{Max: n, Left: -1, Window: min(seconds(w), longest)}
		l.Name = display(g.name) + " (" + Short(l.Window) + ")"
		if u, ok := used[window]; ok {
			l.Left = max(0, n-u)
		}
		r.add(l)
	}
	g.bare, g.max, g.used = "", "", ""
}

// lend gives a cost to the limits that are named after it: X-Complexity to
// X-RateLimit-Complexity-Remaining. Limits of other units are not what it counts in.
func (r *reader) lend() {
	for word, value := range r.costs {
		n, ok := number(value)
		for i := range r.s.Limits {
			if l := &r.s.Limits[i]; ok && l.Cost == 0 && strings.Contains(strings.ToLower(l.Name), word) {
				l.Cost = n
			}
		}
	}
}
