// Names of headers: which of them speak of limits, and what each says of which.

package limits

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

type role int

const (
	roleBare role = iota // the stem itself: a number, or a field with parameters
	roleMax
	roleLeft
	roleUsed
	roleReset
	roleWindow
	roleFill
	roleCost
	rolePolicy
	roleBucket
	roleReason
	roleGlobal
	roleRetry
	roleCrowdMax
	roleCrowdLeft
	roleLoneCost // of a request, without the limit that it counts in
	roleError
	roleNone // what says nothing that is of use
)

// part is what the name of a header tells.
type part struct {
	stem   string // what the headers of one limit have in common
	role   role
	unit   time.Duration // of a number that is a time; 0: by its size
	period time.Duration // the window, where the name says it: -Minute, -Daily
	exact  bool          // a time to go, where another header may tell a moment
}

// roles are the words by which a header of a limit says which one it is.
var roles = map[string]role{
	"limit": roleMax, "max": roleMax, "maximum": roleMax, "total": roleMax, "capacity": roleMax, "allotted": roleMax,
	"remaining": roleLeft, "remain": roleLeft, "left": roleLeft, "available": roleLeft,
	"used": roleUsed, "usage": roleUsed, "observed": roleUsed, "consumed": roleUsed, "count": roleUsed,
	"current": roleUsed,
	"reset":   roleReset, "resets": roleReset, "next": roleReset, "expires": roleReset,
	"interval": roleWindow, "window": roleWindow, "period": roleWindow, "duration": roleWindow,
	"fillrate": roleFill, "fill": roleFill, "replenish": roleFill, "refill": roleFill, "restore": roleFill,
	"cost": roleCost, "charge": roleCost, "requested": roleCost,
	"policy": rolePolicy, "bucket": roleBucket, "resource": roleBucket, "name": roleBucket,
	"reason": roleReason, "problem": roleReason, "scope": roleReason, "type": roleReason, "global": roleGlobal,
	"concurrentlimit": roleCrowdMax, "concurrentremaining": roleCrowdLeft, "nearlimit": roleNone,
}

// units and periods are words for times.
var (
	units = map[string]time.Duration{
		"ms": time.Millisecond, "millis": time.Millisecond, "milliseconds": time.Millisecond, "seconds": time.Second,
		"secs": time.Second, "s": time.Second,
	}
	periods = map[string]time.Duration{
		"sec": time.Second, "second": time.Second, "secondly": time.Second, "min": time.Minute, "minute": time.Minute,
		"minutely": time.Minute,
		"hour":     time.Hour, "hourly": time.Hour, "day": day, "daily": day, "week": 7 * day, "weekly": 7 * day,
		"month": 30 * day, "monthly": 30 * day,
	}
)

const day = 24 * time.Hour

// periodLimit is a name in one word: MinLimit, AppMinLimit, DailyLimit.
var periodLimit = regexp.MustCompile(`^(?:app)?(sec|second|min|minute|hour|hourly|day|daily|week|weekly|month|monthly)(limit|remaining)$`)

// oneWord is a name with "rate limit" in one word, and what the limit is of before it: RateLimit,
// ReadRateLimit.
var oneWord = regexp.MustCompile(`^[a-z]*ratelimit(?:s|ing)?$`)

// joining words stand beside a role and add nothing to it.
var joining = map[string]bool{
	"timestamp": true, "epoch": true, "unix": true, "date": true, "utc": true,
	"after": true, "in": true, "at": true, "time": true, "rate": true, "tokens": true, "burst": true,
}

// inOneWord is what is mostly said in two words or three: ResetAfter, ResetInMs, RetryAfterSeconds.
var inOneWord = regexp.MustCompile(
	`^(resets?|retry)(after|in|at|on|time|date|epoch|timestamp|unix|utc)?(ms|millis|milliseconds|s|secs|seconds)?$`)

// wordsOf divides a name into its words.
func wordsOf(name string) []string {
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return c == '-' || c == '_' }) {
		w = strings.TrimPrefix(w, "timeto") // TimeToReset
		m := inOneWord.FindStringSubmatch(w)
		if m == nil {
			words = append(words, w)
			continue
		}
		for _, part := range m[1:] {
			if part != "" {
				words = append(words, part)
			}
		}
	}
	return words
}

// classify says what a header is by its name. A name with "rate limit" in it, or a word for it, is
// divided into the words that say what it tells and the stem, the rest, which the headers of one
// limit have in common.
func classify(name string) (part, bool) {
	words := wordsOf(name)
	if p, ok := retries(words); ok {
		return p, true
	}
	p := part{}
	if m := costWords.FindStringSubmatch(strings.ToLower(name)); m != nil {
		return part{stem: m[1], role: roleLoneCost}, true
	}
	if slices.ContainsFunc(words, func(w string) bool { return w == "error" || w == "errortype" }) {
		return part{role: roleError}, true
	}
	from, to := anchor(words)
	if to == 0 {
		return p, false
	}
	if m := periodLimit.FindStringSubmatch(words[to-1]); m != nil {
		p.period = periods[m[1]]
	} else if words[from] == "qps" {
		p.period = time.Second
	}
	stem := append([]string{}, words[:to]...)
	found := false
	for i, w := range words[to:] {
		r, ok := roles[w]
		m := periodLimit.FindStringSubmatch(w)
		next := at(words, to+i+1)
		switch {
		case w == "time" && !found && isTime(next): // Time-Reset is the same as Reset
		case w == "time" && !found && next == "to" && isTime(at(words, to+i+2)): // and so is Time-To-Reset
		case w == "to" && !found && isTime(next):
		case w == "quota" && !found && !anyRole(words[to+i+1:]): // Requests-Quota, not Quota-Remaining
			p.role, found = roleMax, true
		case ok && !found:
			p.role, found = r, true
			p.exact = r == roleReset && (next == "after" || next == "in")
		case m != nil && !found: // RateLimit-DailyLimit
			p.role, found, p.period = roles[m[2]], true, periods[m[1]]
		case units[w] > 0 && found:
			p.unit = units[w]
		case joining[w] && (found || w == "burst"):
		case periods[w] > 0:
			p.period = periods[w]
			stem = append(stem, w)
		default:
			stem = append(stem, w)
		}
	}
	p.stem = strings.Join(stem, "-")
	if strings.Contains(strings.Join(words[from:to], ""), "limited") && p.role != roleReason {
		return p, false
	}
	return p, p.role != roleNone
}

// isTime reports whether a word tells of a limit when, or how long.
func isTime(word string) bool {
	r, ok := roles[word]
	return ok && (r == roleReset || r == roleWindow)
}

// anyRole reports whether a word among these says what a header tells.
func anyRole(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		_, ok := roles[w]
		return ok || periodLimit.MatchString(w)
	})
}

// retries knows Retry-After and its like.
func retries(words []string) (part, bool) {
	for i, w := range words {
		if w == "retry" && i+1 < len(words) && (words[i+1] == "after" || words[i+1] == "in") {
			return part{role: roleRetry, unit: units[words[len(words)-1]]}, true
		}
	}
	return part{}, false
}

// anchor finds the words that stand for a limit of requests; to is 0 if there are none.
func anchor(words []string) (from, to int) {
	for i, w := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case oneWord.MatchString(w), w == "quota", w == "throttle", w == "throttling", w == "qps",
			periodLimit.MatchString(w):
			return i, i + 1
		case w == "rate" && strings.HasPrefix(next, "limit"), w == "call" && next == "limit", w == "limit" &&
			next == "info":
			return i, i + 2
		}
	}
	return 0, 0
}

// display is a stem for people.
func display(stem string) string { return http.CanonicalHeaderKey(stem) }

// inName is a window that a name ends in: GetVMScaleSet30Min.
var inName = regexp.MustCompile(`(?i)(\d+)(sec|min|hour|day)s?$`)

func windowIn(name string) time.Duration {
	m := inName.FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	n, _ := number(m[1])
	return time.Duration(n) * periods[strings.ToLower(m[2])]
}

// costWords are of the names of headers that tell what a request cost: X-Complexity,
// X-Request-Cost.
var costWords = regexp.MustCompile(`^(?:x-)?(?:ms-)?(?:request-|query-|api-)?(complexity|cost|charge|points)$`)

// overWords are what a header about an error says of a request that comes too often:
// ERR_403_DEVELOPER_OVER_QPS, ThrottlingException.
var overWords = regexp.MustCompile(
	`(?i)over[-_ ]?(?:qps|rate)\b|rate[-_ ]?limit[-_ ]?exceeded|too[-_ ]?many[-_ ]?requests|throttling|quota[-_ ]?exceeded`)
