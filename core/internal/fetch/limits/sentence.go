// Sentences: the time to wait in a text for people.

package limits

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// mostText bounds what is read of a text.
const mostText = 4 << 10

var (
	// amounts are numbers with a unit of time: 42 seconds, 1.5s, 10-second, and each of the two in
	// 1m30s.
	amounts = regexp.MustCompile(`(?i)(\d+(?:,\d{3})*(?:[.,]\d+)?)[\s-]?\s*` +
		`(milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?)`)
	between = regexp.MustCompile(`(?i)^\s*,?\s*(?:and\s+)?$`) // 1 minute, and 30 seconds

	isos     = regexp.MustCompile(`\bP(?:\d+(?:\.\d+)?[WD]|T\d)[\dTHMSD.]*\b`)
	clocks   = regexp.MustCompile(`\b(\d{1,3}):([0-5]\d):([0-5]\d)\b`)
	plainNum = regexp.MustCompile(`\d+(?:\.\d+)?`)
	moments  = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?` +
		`(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?` +
		`|[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})` +
		`|\d\d?/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?` +
		`|\b\d{10}(?:\d{3})?(?:\.\d+)?\b`)
)

// What stands before a time tells what it is, and what stands behind it.
var (
	isWindow = regexp.MustCompile(`(?i)(?:\b(?:per|every|each|within|over|during|last|past)|/)\s*` +
		`(?:an?\s+|the\s+|any\s+)?$`)
	isWait = regexp.MustCompile(`(?i)(?:retry|retries|\btry|again|\bwait|available|come back|back ?off|replenish)` +
		`[^0-9.;!?]{0,24}$`)
	isAfter = regexp.MustCompile(`(?i)(?:after|until|resets?|resume|expires?)[^0-9.;!?]{0,16}$`)
	// isSize stands before the 10 s of 5 requests in 10 s.
	isSize = regexp.MustCompile(`(?i)\d\s+(?:[a-z]+\s+){0,2}(?:in|for)\s+(?:an?\s+|the\s+|any\s+)?$`)
	isIn   = regexp.MustCompile(`(?i)\bin\s+(?:about\s+|approximately\s+|~)?$`)
	noWait = regexp.MustCompile(`(?i)^[\s-]*(?:ago|(?:rolling\s+|sliding\s+)?(?:window|period|interval))\b`)
	// bareWait stands before a number without a unit.
	bareWait = regexp.MustCompile(`(?i)(?:(?:retry|again|\bwait)[\s_-]*(?:in|after|for)?|\bafter)` +
		`[\s_-]*(ms|millis|milliseconds|s|secs|seconds)?["']?\s*[:=]?\s*["']?$`)
	bareEnd  = regexp.MustCompile(`(?i)^["']?\s*(?:$|[,;:!?)\]}<]|\.(?:\D|$)|(?:before|to|and|or|then)\b)`)
	isClock  = regexp.MustCompile(`(?i)\b(?:in|wait|for)\s+$`)
	wordEnds = regexp.MustCompile(`(?i)^[a-z0-9_]`)
)

// How surely a time in a sentence is the one to wait.
const (
	never = iota
	bareIn
	standing // with a unit, and with nothing that tells what it is
	dated    // a moment to come
	in
	after
	waiting
)

// stated is a time in a sentence, between two places in it.
type stated struct {
	begin, end int
	wait       time.Duration
	sure       int
}

// inSentence reads how long to wait from a text for people, "5 requests per 10 seconds exceeded,
// retry in 42 seconds", by a host whose clock says date. Of several times it is the one that is
// said to be it, else the last one.
func inSentence(text string, date time.Time) (time.Duration, bool) {
	text = text[:min(len(text), mostText)]
	all := momentsIn(text, date)
	all = append(all, spansIn(text, all)...)
	all = append(all, numbersIn(text, all)...)
	best := stated{begin: -1}
	for _, s := range all {
		if s.wait <= 0 || s.wait >= longest || s.sure == never {
			continue
		}
		if s.sure > best.sure || s.sure == best.sure && s.begin > best.begin {
			best = s
		}
	}
	return best.wait, best.sure > never
}

// momentsIn finds dates and epochs. One that is over is found too, with nothing to wait.
func momentsIn(text string, date time.Time) []stated {
	var all []stated
	for _, m := range moments.FindAllStringIndex(text, -1) {
		t, ok := moment(text[m[0]:m[1]])
		if !ok {
			t = date
		}
		all = append(all, stated{m[0], m[1], t.Sub(date), max(dated, sureness(text, m[0], m[1]))})
	}
	return all
}

// spansIn finds times to go that have a unit, beside what was found before.
func spansIn(text string, before []stated) []stated {
	var all []stated
	for _, m := range isos.FindAllStringIndex(text, -1) {
		if d, _, ok := duration(text[m[0]:m[1]], 0); ok && !within(before, m[0]) {
			all = append(all, stated{m[0], m[1], d, sureness(text, m[0], m[1])})
		}
	}
	for _, m := range clocks.FindAllStringSubmatchIndex(text, -1) {
		if within(before, m[0]) || !isClock.MatchString(lately(text, m[0])) { // else it is a time of day
			continue
		}
		h, _ := number(text[m[2]:m[3]])
		mins, _ := number(text[m[4]:m[5]])
		s, _ := number(text[m[6]:m[7]])
		all = append(all, stated{m[0], m[1], seconds(h*3600 + mins*60 + s), sureness(text, m[0], m[1])})
	}
	found := amounts.FindAllStringSubmatchIndex(text, -1)
	for i := 0; i < len(found); i++ {
		m := found[i]
		s := stated{begin: m[0], end: m[1]}
		sum, unit := amount(text, m)
		for i+1 < len(found) && between.MatchString(text[s.end:found[i+1][0]]) {
			more, smaller := amount(text, found[i+1])
			if smaller >= unit {
				break
			}
			sum, unit, s.end = sum+more, smaller, found[i+1][1]
			i++
		}
		if wordEnds.MatchString(text[s.end:]) || inWord(text, s.begin) || within(before, s.begin) {
			continue
		}
		s.wait, s.sure = seconds(sum), sureness(text, s.begin, s.end)
		all = append(all, s)
	}
	return all
}

// amount reads a number with a unit: both in seconds.
func amount(text string, m []int) (n, unit float64) {
	digits := text[m[2]:m[3]]
	if i := strings.LastIndexByte(digits, ','); i >= 0 && len(digits)-i != 4 { // 1,5 s
		digits = digits[:i] + "." + digits[i+1:]
	}
	n, _ = strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	switch u := strings.ToLower(text[m[4]:m[5]]); {
	case strings.HasPrefix(u, "ms"), strings.HasPrefix(u, "milli"):
		unit = .001
	case u[0] == 'm':
		unit = 60
	case u[0] == 'h':
		unit = 3600
	case u[0] == 'd':
		unit = 86400
	case u[0] == 'w':
		unit = 7 * 86400
	default:
		unit = 1
	}
	return n * unit, unit
}

// numbersIn finds numbers without a unit that are said to be a time: "retry after 30".
func numbersIn(text string, before []stated) []stated {
	var all []stated
	for _, m := range plainNum.FindAllStringIndex(text, -1) {
		if within(before, m[0]) || inWord(text, m[0]) || !bareEnd.MatchString(text[m[1]:]) {
			continue
		}
		n, _ := number(text[m[0]:m[1]])
		lead := lately(text, m[0])
		if w := bareWait.FindStringSubmatch(lead); w != nil {
			if strings.HasPrefix(strings.ToLower(w[1]), "m") {
				n /= 1000
			}
			all = append(all, stated{m[0], m[1], seconds(n), max(after, sureness(text, m[0], m[1]))})
		} else if isIn.MatchString(lead) {
			all = append(all, stated{m[0], m[1], seconds(n), bareIn})
		}
	}
	return all
}

// sureness tells what a time is by what stands before it and behind it.
func sureness(text string, begin, end int) int {
	lead := lately(text, begin)
	switch {
	case isWindow.MatchString(lead), noWait.MatchString(text[end:]):
		return never
	case isWait.MatchString(lead):
		return waiting
	case isAfter.MatchString(lead):
		return after
	case isSize.MatchString(lead):
		return never
	case isIn.MatchString(lead):
		return in
	}
	return standing
}

// lately is what stands just before a place.
func lately(text string, at int) string { return text[max(0, at-48):at] }

// within reports whether a place is inside of what was found.
func within(all []stated, at int) bool {
	for _, s := range all {
		if at >= s.begin && at < s.end {
			return true
		}
	}
	return false
}

// inWord reports whether the number that begins here is a part of a word or of another number, or
// is negative.
func inWord(text string, begin int) bool {
	if begin == 0 {
		return false
	}
	switch c := text[begin-1]; {
	case c == '-':
		return begin == 1 || !wordEnds.MatchString(text[begin-2:])
	case c == '.', c == ',', c == ':':
		return begin > 1 && text[begin-2] >= '0' && text[begin-2] <= '9'
	default:
		return wordEnds.MatchString(text[begin-1:])
	}
}
