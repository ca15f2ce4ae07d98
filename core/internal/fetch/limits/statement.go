// Package limits reads what the replies of a host state of its limits, in the many forms in use,
// and says what follows: [Read] makes a [Statement] of one reply, and a [Book] keeps what the
// latest ones have stated. It makes no request, and but for [InBody] it has no clock: package fetch
// shows it each reply and does what it says.
package limits

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Statement is what one reply states. Its times are from the arrival of the reply on.
type Statement struct {
	Wait     time.Duration // until the host wants to be asked again, as Retry-After says; 0: not stated
	WaitFrom string        // the header that says so
	Limits   []Limit
	Bucket   string // the host's name for what the request counted in: "core", a hash; "": not named
	Reach    Reach
	Crowd    bool     // a refusal is for the number of requests under way, not for their rate
	Says     string   // what a header about the error says of a request that comes too often; "": nothing
	Ignored  []string // headers with a value that cannot be
}

// Reach is how much of a host a refusal speaks of.
type Reach int

// What a refusal speaks of.
const (
	Unsaid   Reach = iota
	Endpoint       // of the endpoint that was asked
	Whole          // of the host as a whole, whatever the bucket
)

// Limit is one limit. What is not stated is 0, and -1 for Left.
type Limit struct {
	Name   string  // tells the limits of a host apart
	Max    float64 // units in a window, or that a bucket holds
	Left   float64
	Window time.Duration
	Reset  time.Duration // until Left is Max again
	End    time.Time     // the same, by the host's clock, where it tells a moment
	Fill   float64       // units per second that a bucket gains
	Every  time.Duration // how often it gains them; 0: not stated
	Cost   float64       // units that this request cost
	Crowd  bool          // it counts requests under way
	Unsure bool          // Reset is a large number of seconds, which may be milliseconds
	Unread bool          // a reset is stated, in a form that is not understood
	Soon   bool          // it is stated to be less than a second
}

// String reads like "X-Ratelimit: 12 of 60 left, in full again in 30 s".
func (l Limit) String() string {
	var b strings.Builder
	b.WriteString(l.Name)
	b.WriteString(": ")
	switch {
	case l.Crowd && l.Max > 0:
		fmt.Fprintf(&b, "%.6g at once", l.Max)
	case l.Left >= 0 && l.Max > 0:
		fmt.Fprintf(&b, "%.6g of %.6g left", l.Left, l.Max)
	case l.Left >= 0:
		fmt.Fprintf(&b, "%.6g left", l.Left)
	default:
		fmt.Fprintf(&b, "%.6g", l.Max)
	}
	if l.Window > 0 {
		b.WriteString(" in " + Short(l.Window))
	}
	if l.Fill > 0 {
		fmt.Fprintf(&b, ", %.4g more a second", l.Fill)
	}
	if l.Reset > 0 {
		b.WriteString(", in full again in " + Short(l.Reset))
	}
	if l.Cost > 0 {
		fmt.Fprintf(&b, ", this request cost %.4g", l.Cost)
	}
	return b.String()
}

// String tells a person what was understood; "" if nothing was stated.
func (s Statement) String() string {
	var parts []string
	if s.Wait > 0 {
		parts = append(parts, fmt.Sprintf("%s asks for a pause of %s", s.WaitFrom, Short(s.Wait)))
	}
	for _, l := range s.Limits {
		parts = append(parts, l.String())
	}
	if s.Bucket != "" {
		parts = append(parts, "counted in the bucket "+s.Bucket)
	}
	switch s.Reach {
	case Unsaid:
	case Endpoint:
		parts = append(parts, "of this endpoint alone")
	case Whole:
		parts = append(parts, "of the host as a whole")
	}
	if s.Crowd {
		parts = append(parts, "for the number of requests under way")
	}
	if s.Says != "" {
		parts = append(parts, "refused: "+s.Says)
	}
	for _, i := range s.Ignored {
		parts = append(parts, "not understood: "+i)
	}
	return strings.Join(parts, "; ")
}

// Refuses reports whether a reply of this status is a refusal for asking too often. usual says that
// the host sends Retry-After with good replies too, where it tells nothing.
func (s Statement) Refuses(status int, usual bool) bool {
	switch {
	case status == http.StatusTooManyRequests, status == 420, status == 509, status == 529:
		return true
	case status < 400 || status > 599:
		return false
	case s.Says != "":
		return true
	case s.Wait > 0 && !usual:
		return true
	case status < 500:
		return s.usedUp() > 0 || slices.ContainsFunc(s.Limits, func(l Limit) bool { return l.Left == 0 && l.Unread })
	}
	return false
}

// Plenty reports whether limits are stated, and much is left of each: a refusal is for something
// else.
func (s Statement) Plenty() bool {
	return len(s.Limits) > 0 && !slices.ContainsFunc(s.Limits, func(l Limit) bool {
		return l.Left < max(1, dearest*l.Max)
	})
}

// Behind reports whether a limit is used up until a moment that is over by our clock, while the
// header does not say what time it is by the host's: its clock is behind.
func (s Statement) Behind(header http.Header, now time.Time) bool {
	return header.Get("Date") == "" && slices.ContainsFunc(s.Limits, func(l Limit) bool {
		return l.Left == 0 && l.Reset <= 0 && !l.End.IsZero() && l.End.Before(now.Add(-coarse))
	})
}

// usedUp returns how long nothing is left for, 0 if something is.
func (s Statement) usedUp() time.Duration {
	var wait time.Duration
	for _, l := range s.Limits {
		if l.Left == 0 && !l.Crowd {
			wait = max(wait, l.Reset)
		}
	}
	return wait
}

// Read reads a reply that came at now. clock is what is known of the host's clock, and learns of
// it.
func Read(status int, header http.Header, now time.Time, clock *Clock) Statement {
	var s Statement
	if !speaks(header, status) {
		return s
	}
	r := reader{s: &s, refused: status == http.StatusTooManyRequests, groups: map[string]*group{}, clock: clock,
		now: now, costs: map[string]string{}}
	r.date = clock.at(header, now)
	for name, values := range header {
		if p, ok := classify(name); ok {
			r.take(p, name, strings.Join(values, ", "), status)
		}
	}
	r.finish()
	return s
}

// speaks reports whether any header may speak of a limit. Most replies have none, and to look
// closer would be a tenth of what a small one costs. A good reply's Retry-After says nothing: some
// hosts send "Retry-After: 0" with each.
func speaks(header http.Header, status int) bool {
	for name := range header {
		if strings.Contains(name, "imit") || strings.Contains(name, "uota") || strings.Contains(name, "hrottl") ||
			strings.Contains(name, "Qps") {
			return true
		}
		if status >= 300 && (strings.Contains(name, "Retry") || strings.Contains(name, "Error")) {
			return true
		}
	}
	return false
}

// group is what the headers of one stem say: those of one limit, or of a list of limits.
type group struct {
	name                                        string // of the first header, without its role
	max, left, used, window, fill, cost, policy string
	bare                                        string
	crowdMax, crowdLeft                         string
	reset                                       string
	resetUnit, windowUnit, period               time.Duration
	exactReset                                  bool
	maxName, leftName, resetName                string // for what is ignored
}

type reader struct {
	s       *Statement
	refused bool
	groups  map[string]*group
	clock   *Clock
	now     time.Time
	date    time.Time // by the host's clock
	exact   bool      // Wait is in milliseconds
	fixed   bool      // Wait is from Retry-After itself
	costs   map[string]string
}

// take notes one header.
func (r *reader) take(p part, name, value string, status int) {
	value = strings.TrimSpace(value)
	switch p.role {
	case roleRetry:
		r.retry(p, name, value, status)
		return
	case roleBucket:
		r.s.Bucket = value
		return
	case roleReason:
		r.reason(value)
		return
	case roleError:
		if status >= 400 && overWords.MatchString(value) {
			r.s.Says = fmt.Sprintf("%.60s", value)
		}
		return
	case roleLoneCost:
		r.costs[p.stem] = value
		return
	case roleGlobal:
		if strings.EqualFold(value, "true") {
			r.s.Reach = Whole
		}
		return
	}
	g := r.groups[p.stem]
	if g == nil {
		g = &group{name: p.stem}
		r.groups[p.stem] = g
	}
	if p.period > 0 {
		g.period = p.period
	}
	switch p.role {
	case roleMax:
		if plainer(name, g.maxName) {
			g.max, g.maxName = value, name
		}
	case roleLeft:
		g.left, g.leftName = value, name
	case roleUsed:
		g.used = value
	case roleReset:
		exact := p.exact || p.unit == time.Millisecond
		if g.reset == "" || exact && !g.exactReset || exact == g.exactReset && plainer(name, g.resetName) {
			g.reset, g.resetUnit, g.resetName, g.exactReset = value, p.unit, name, exact
		}
	case roleWindow:
		g.window, g.windowUnit = value, p.unit
	case roleFill:
		g.fill = value
	case roleCost:
		g.cost = value
	case rolePolicy:
		g.policy = value
	case roleCrowdMax:
		g.crowdMax = value
	case roleCrowdLeft:
		g.crowdLeft = value
	case roleBare:
		g.bare = value
	}
}

// plainer reports whether of two names of one thing, which come in any order, the first one counts.
func plainer(name, other string) bool {
	return other == "" || len(name) < len(other) || len(name) == len(other) && name < other
}

// retry reads a header that says when to come again. One in milliseconds is nearer than another.
func (r *reader) retry(p part, name, value string, status int) {
	if status < 300 {
		return
	}
	wait, ok := pause(value, p.unit, r.date)
	if !ok {
		r.ignore(name, value)
		return
	}
	exact, fixed := p.unit == time.Millisecond, http.CanonicalHeaderKey(name) == "Retry-After"
	if wait > 0 && (r.s.Wait == 0 || exact && !r.exact || fixed && !r.fixed && !r.exact) {
		r.s.Wait, r.s.WaitFrom, r.exact, r.fixed = wait, name, exact, fixed
	}
}

// reason reads a word for what a refusal is about.
func (r *reader) reason(value string) {
	v := strings.ToLower(value)
	switch {
	case strings.Contains(v, "burst-based"), strings.Contains(v, "endpoint"), strings.Contains(v, "per-issue"),
		v == "method", v == "service":
		r.s.Reach = Endpoint
	case strings.Contains(v, "global"), strings.Contains(v, "quota"), v == "application":
		r.s.Reach = Whole
	}
	if strings.Contains(v, "concurren") {
		r.s.Crowd = true
	}
}

func (r *reader) ignore(name, value string) {
	r.s.Ignored = append(r.s.Ignored, fmt.Sprintf("%s: %.60s", name, value))
}

// finish makes limits of the groups, in a fixed order.
func (r *reader) finish() {
	for _, g := range r.groups {
		g.ungroup()
		g.spell()
	}
	r.joinForms()
	r.lendTimes()
	policies := map[string][]item{}
	for stem, g := range r.groups {
		if g.policy != "" {
			policies[stem] = items(g.policy)
		}
	}
	for _, stem := range slices.Sorted(keys(r.groups)) {
		g := r.groups[stem]
		r.pairs(g)
		policy := slices.Concat(policies[stem], g.sizes())
		own := policy
		if strings.ContainsAny(g.bare, "=;") {
			r.drafts(g, policy)
			own = g.sizes()
		}
		r.crowd(g)
		for _, l := range r.plain(g, own) {
			r.add(l)
		}
		r.rest(g, policy)
	}
	r.lend()
	slices.SortStableFunc(r.s.Limits, func(a, b Limit) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(r.s.Ignored)
}

// thousands is a number whose digits are grouped: 5,000.
var thousands = regexp.MustCompile(`^\d{1,3}(?:,\d{3})+$`)

// ungroup makes plain numbers of those whose digits are grouped, if nothing beside them is a list:
// "200,2000" has two members, and so has "12,345" then.
func (g *group) ungroup() {
	amounts := []*string{&g.max, &g.left, &g.used}
	for _, v := range []string{g.max, g.left, g.used, g.reset, g.window} {
		if strings.Contains(v, ",") && !thousands.MatchString(v) {
			if _, isMoment := moment(v); !isMoment { // a date has a comma too
				return
			}
		}
	}
	for _, v := range amounts {
		if thousands.MatchString(*v) {
			*v = strings.ReplaceAll(*v, ",", "")
		}
	}
}

// joinForms makes one limit of what is said under a name with X- before it and under the same
// without, where neither says all of it: RateLimit-Remaining and X-RateLimit-Reset.
func (r *reader) joinForms() {
	for stem, x := range r.groups {
		plain, isX := strings.CutPrefix(stem, "x-")
		g := r.groups[plain]
		if !isX || g == nil || g.left+g.used != "" && x.left+x.used != "" || g.max != "" && x.max != "" &&
			g.max != x.max {
			continue
		}
		if x.policy+x.bare+g.policy+g.bare != "" {
			continue // whatever these say, they say all of it
		}
		g.max, g.left, g.used = cmp.Or(g.max, x.max), cmp.Or(g.left, x.left), cmp.Or(g.used, x.used)
		g.maxName, g.leftName = cmp.Or(g.maxName, x.maxName), cmp.Or(g.leftName, x.leftName)
		g.fill, g.cost, g.period = cmp.Or(g.fill, x.fill), cmp.Or(g.cost, x.cost), cmp.Or(g.period, x.period)
		g.crowdMax, g.crowdLeft = cmp.Or(g.crowdMax, x.crowdMax), cmp.Or(g.crowdLeft, x.crowdLeft)
		if g.reset == "" {
			g.reset, g.resetUnit, g.resetName = x.reset, x.resetUnit, x.resetName
		}
		if g.window == "" {
			g.window, g.windowUnit = x.window, x.windowUnit
		}
		delete(r.groups, stem)
	}
}

// lendTimes gives times that stand alone to the limit that they are of, if it has none and is the
// only one: X-Rate-Limit-Time-Reset-Ms is of X-Rate-Limit-Requests-Left.
func (r *reader) lendTimes() {
	for _, stem := range slices.Backward(slices.Sorted(keys(r.groups))) {
		times := r.groups[stem]
		if times.counts() || times.reset == "" && times.window == "" {
			continue
		}
		var of *group
		others := 0
		for other, g := range r.groups {
			if other != stem && strings.HasPrefix(other, stem+"-") {
				of = g
				others++
			}
		}
		if others != 1 || !of.counts() || of.reset != "" && times.reset != "" || of.window != "" && times.window != "" {
			continue
		}
		if n, ok := number(of.left); r.refused && ok && n > 0 {
			continue // the refusal is for another limit, and the reset is of that
		}
		if times.reset != "" {
			of.reset, of.resetUnit, of.resetName = times.reset, times.resetUnit, times.resetName
		}
		if times.window != "" {
			of.window, of.windowUnit = times.window, times.windowUnit
		}
		delete(r.groups, stem)
	}
}

// counts reports whether a group says anything but times.
func (g *group) counts() bool {
	return g.max+g.left+g.used+g.fill+g.cost+g.policy+g.bare+g.crowdMax+g.crowdLeft != ""
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// add takes a limit in. Two forms of one limit, which say the same of what is left, become one.
func (r *reader) add(l Limit) {
	for i := range r.s.Limits {
		o := &r.s.Limits[i]
		if o.Crowd || l.Crowd || o.Left != l.Left || o.Left < 0 || o.Max > 0 && l.Max > 0 && o.Max != l.Max {
			continue
		}
		if o.Window > 0 && l.Window > 0 && o.Window != l.Window || o.Reset > 0 && l.Reset > 0 &&
			(o.Reset-l.Reset).Abs() > 2*time.Second {
			continue
		}
		o.Max, o.Window, o.Fill, o.Cost = cmp.Or(o.Max, l.Max), cmp.Or(o.Window, l.Window), cmp.Or(o.Fill,
			l.Fill), cmp.Or(o.Cost, l.Cost)
		o.Every = cmp.Or(o.Every, l.Every)
		o.Reset, o.Name, o.Unread = max(o.Reset, l.Reset), min(o.Name, l.Name), o.Unread || l.Unread
		return
	}
	r.s.Limits = append(r.s.Limits, l)
}

// crowd reads a limit of the requests under way.
func (r *reader) crowd(g *group) {
	if n, ok := number(g.crowdMax); ok && n >= 1 {
		l := Limit{Name: display(g.name) + "-Concurrent", Max: n, Left: -1, Crowd: true}
		if left, ok := number(g.crowdLeft); ok {
			l.Left = left
			r.s.Crowd = r.s.Crowd || r.refused && left == 0
		}
		r.add(l)
	}
}

// plain reads a group of numbers; lists of numbers, one member a window, are as many limits.
func (r *reader) plain(g *group, policy []item) []Limit {
	lefts, useds := split(g.left, ','), split(g.used, ',')
	count := len(lefts)
	if count == 0 && len(useds) == len(split(g.max, ',')) && !strings.ContainsAny(g.used+g.max, ";=/") {
		count = len(useds) // Strava states no more than these two
	}
	if count < 2 || strings.ContainsAny(g.left, ";=") {
		if l, ok := r.one(g, policy); ok {
			return l
		}
		return nil
	}
	maxes, resets := split(g.max, ','), split(g.reset, ',')
	var all []Limit
	for i := range count {
		one := *g
		one.left, one.used, one.max, one.reset, one.policy = at(lefts, i), at(useds, i), at(maxes, i), at(resets, i), ""
		its := policy
		if n, known := number(one.max); i < len(policy) && (!known || policy[i].size() == n) {
			its = policy[i : i+1]
		}
		l, ok := r.one(&one, its)
		if !ok {
			continue
		}
		if i > 0 {
			l[0].Name += fmt.Sprintf(" (%d)", i+1)
		}
		all = append(all, l[0])
	}
	return all
}

// sizes are the members of RateLimit-Limit that tell a window: "100, 100;w=60", as policies.
func (g *group) sizes() []item {
	var all []item
	for _, it := range items(g.max) {
		if it.numbered() && it.params["w"] != "" {
			all = append(all, it)
		}
	}
	return all
}

// size is the size of the limit. Where policies stand beside it, it is the number that has no
// window, else the one that fits what is left.
func (r *reader) size(g *group) (float64, bool) {
	all := items(g.max)
	if sizes := g.sizes(); len(all) > 1 && len(sizes) > 0 {
		for _, it := range all {
			if it.numbered() && len(it.params) == 0 {
				return number(it.first())
			}
		}
		left, _ := number(g.left)
		reset, _, _ := r.clock.wait(g.reset, g.resetUnit, r.date)
		if p, ok := fitting(sizes, 0, left, reset); ok {
			return p.size(), true
		}
	}
	return number(g.max)
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// one reads a group as one limit, or as one for each name in it ("a;197,b;1297").
func (r *reader) one(g *group, policy []item) ([]Limit, bool) {
	l, several := Limit{Name: display(g.name), Left: -1}, false
	for _, it := range items(g.left) {
		// Azure: "Microsoft.Compute/GetVM3Min;197"
		if n, ok := number(it.last()); ok && len(it.names) == 2 && !it.numbered() {
			r.add(Limit{Name: l.Name + " " + it.names[0], Left: n, Window: windowIn(it.names[0])})
			several = true
		}
	}
	if several {
		return nil, false
	}
	r.amount(g, &l)
	r.times(g, policy, &l)
	if r.refused && l.Left < 0 && l.Reset > 0 {
		l.Left = 0 // a refusal that only says when to come again has nothing left
	}
	if r.refused && l.Left == 0 && g.max != "" && l.Max == 0 {
		r.s.Crowd = true // so Okta tells its limit of requests under way
		return nil, false
	}
	if l.Left < 0 && l.Fill == 0 && (l.Max == 0 || l.Window == 0) {
		return nil, false
	}
	return []Limit{l}, true
}

// amount reads how much there is, and how much is left.
func (r *reader) amount(g *group, l *Limit) {
	if n, ok := r.size(g); ok {
		l.Max = n
	} else if g.max != "" {
		r.ignore(g.maxName, g.max)
	}
	if n, ok := number(g.left); ok {
		l.Left = n
	} else if g.left != "" {
		r.ignore(g.leftName, g.left)
	}
	if n, ok := number(g.bare); ok && g.max == "" {
		l.Max = n
	}
	for _, form := range []string{g.bare, g.max} { // 32/40, api-usage=18/5000
		// Salesforce adds what one app may: "per-app-api-usage=17/250(appName=x)". The one that has
		// less left counts.
		for i, part := range split(form, ';') {
			part, _, _ = strings.Cut(part, "(")
			used, size, ok := strings.Cut(part[strings.LastIndex(part, "=")+1:], "/")
			u, ok1 := number(used)
			m, ok2 := number(size)
			if left := math.Max(0, m-u); ok && ok1 && ok2 && m > 0 && (i == 0 || left < l.Left) {
				l.Max, l.Left = m, left
			}
		}
	}
	if u, ok := number(g.used); ok && l.Left < 0 && l.Max > 0 && g.left == "" {
		l.Left = math.Max(0, l.Max-u)
	}
	if c, ok := number(g.cost); ok {
		l.Cost = c
	}
}

// times reads the window, the reset and the rate of a group.
func (r *reader) times(g *group, policy []item, l *Limit) {
	l.Window = g.period
	soon, _, _ := r.clock.wait(g.reset, g.resetUnit, r.date)
	if p, ok := fitting(policy, l.Max, l.Left, soon); ok && p.size() > 0 && p.window() > 0 {
		l.Window = p.window()
		l.Max = cmp.Or(l.Max, p.size())
	} else if it := items(g.left); len(it) == 1 && it[0].numbered() && it[0].window() > 0 {
		l.Window = it[0].window()
	}
	if g.window != "" {
		if d, _, ok := duration(g.window, g.windowUnit); ok {
			l.Window = min(d, longest)
		}
	}
	if n, ok := number(g.fill); ok {
		l.Fill = n
		if l.Window > 0 {
			l.Fill, l.Every, l.Window = n/l.Window.Seconds(), l.Window, 0
		}
	}
	if g.reset == "" {
		return
	}
	reset, unsure, ok := r.clock.wait(g.reset, g.resetUnit, r.date)
	switch {
	case !ok:
		l.Unread = true
		r.ignore(g.resetName, g.reset)
	case unsure && l.Window > 0 && reset > l.Window+time.Minute: // longer than its own window: it is in milliseconds
		l.Reset = reset / 1000
	default:
		l.Reset, l.Unsure = reset, unsure
		l.End, _ = moment(g.reset)
		l.Soon = reset <= 0 && l.End.IsZero()
	}
	if l.Reset > longest {
		l.Reset, l.Unread = 0, true
		r.ignore(g.resetName, g.reset)
	}
	r.clock.note(g.reset, l.Window, r.now, r.date)
}
