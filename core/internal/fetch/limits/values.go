// Values: numbers and times in the forms in use, measured against the host's clock.

package limits

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// longest bounds the times of limits that are believed: more is a mistake.
	longest = 32 * 24 * time.Hour
	// forever is the longest pause that is told apart from a longer one.
	forever = 100 * 365 * 24 * time.Hour
	coarse  = 2 * time.Second // largest error of a stated reset, because both clocks round
	// fraction of a limit: a request that is refused while more is left is refused for another
	// reason
	dearest = 0.1
)

// number reads a number that is not negative, nor beyond belief. "100, 100;w=60", an older form, is
// 100.
func number(s string) (float64, bool) {
	n, ok := anyNumber(s)
	if n > 1e18 {
		return 0, false
	}
	return n, ok
}

// anyNumber reads a number that is not negative, however many digits it has. One that is too large
// for a float64 is infinite.
func anyNumber(s string) (float64, bool) {
	s, _, _ = strings.Cut(s, ",")
	s, _, _ = strings.Cut(s, ";")
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if !(n >= 0) || err != nil && !errors.Is(err, strconv.ErrRange) || err == nil && math.IsInf(n, 1) {
		return 0, false
	}
	return n, true
}

func seconds(n float64) time.Duration {
	return time.Duration(min(n, forever.Seconds()) * float64(time.Second))
}

// spelt is a time with a word: 1s, 6m0s, 12ms, 60 seconds, 1d.
var spelt = regexp.MustCompile(`^(?:\s*\d+(?:\.\d+)?\s*(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?))+$`)

// iso is a time to go of ISO 8601: PT12S, PT1M30S, P1DT2H.
var iso = regexp.MustCompile(
	strings.ReplaceAll(`^p(?:Nw)?(?:Nd)?(?:t(?:Nh)?(?:Nm)?(?:Ns)?)?$`, "N", `(\d+(?:\.\d+)?)`))

// clockwise is a time to go as a clock shows it: 00:00:30.
var clockwise = regexp.MustCompile(`^(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)$`)

var piece = regexp.MustCompile(`(\d+(?:\.\d+)?)\s*([a-z]+)`)

// duration reads a time to go. A number without a unit is one of seconds; unsure says that it may
// be one of milliseconds.
func duration(s string, unit time.Duration) (d time.Duration, unsure, ok bool) {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(s), `"`))
	if spelt.MatchString(s) {
		var sum float64
		for _, m := range piece.FindAllStringSubmatch(s, -1) {
			n, _ := strconv.ParseFloat(m[1], 64)
			u := time.Second.Seconds()
			switch {
			case m[2] == "ms" || strings.HasPrefix(m[2], "milli"):
				u = .001
			case m[2][0] == 'm':
				u = 60
			case m[2][0] == 'h':
				u = 3600
			case m[2][0] == 'd':
				u = 86400
			}
			sum += n * u
		}
		return seconds(sum), false, true
	}
	if m := iso.FindStringSubmatch(s); m != nil {
		var sum float64
		for i, u := range []float64{7 * 86400, 86400, 3600, 60, 1} {
			if n, err := strconv.ParseFloat(m[1+i], 64); err == nil {
				sum, ok = sum+n*u, true
			}
		}
		return seconds(sum), false, ok
	}
	if m := clockwise.FindStringSubmatch(s); m != nil {
		var sum float64
		for i, u := range []float64{3600, 60, 1} {
			n, _ := strconv.ParseFloat(m[1+i], 64)
			sum += n * u
		}
		return seconds(sum), false, true
	}
	n, ok := number(s)
	if !ok {
		return 0, false, false
	}
	if unit == time.Millisecond {
		return seconds(n / 1000), false, true
	}
	return seconds(n), unit == 0 && n >= 1000, true
}

// layouts are the forms of a date and time in use, beside those of HTTP. One without a zone is in
// UTC.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z0700", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", time.RFC1123Z,
	"Mon, 2 Jan 2006 15:04:05 MST",
	"Mon Jan 2 2006 15:04:05 GMT-0700", "Mon Jan 2 15:04:05 -0700 2006",
	"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02 15:04Z07:00", "2006-01-02 15:04 MST",
	"2/Jan/2006:15:04:05 -0700", "2/Jan/2006:15:04:05", // of the logs of web servers
	// of the United States
	"1/2/2006 3:04:05 PM", "1/2/2006 15:04:05", "1/2/2006 3:04:05 PM MST", "1/2/2006 15:04:05 MST",
	"Monday, January 2, 2006 3:04:05 PM MST", "January 2, 2006 3:04:05 PM MST", "Jan 2, 2006 3:04:05 PM MST",
	time.UnixDate, "2006-01-02 15:04:05 -0700 MST", "20060102T150405Z0700", // of Java, of Go, and of ISO without marks
}

// moment reads a point in time: an epoch by its size, a date of HTTP, of ISO 8601, of JavaScript or
// of a log.
func moment(s string) (time.Time, bool) {
	s = strings.Trim(strings.TrimSpace(s), `"[]`)
	if n, ok := number(s); ok && !strings.Contains(s, ",") {
		switch {
		case n > 1e17:
			return time.Unix(0, int64(n)), true
		case n > 1e14:
			return time.UnixMicro(int64(n)), true
		case n > 1e11:
			return time.UnixMilli(int64(n)), true
		case n > 5e8:
			whole, part := math.Modf(n)
			return time.Unix(int64(whole), int64(part*1e9)), true
		}
		return time.Time{}, false
	}
	if t, err := http.ParseTime(s); err == nil {
		return t, true
	}
	s, _, _ = strings.Cut(s, " (") // JavaScript adds the name of the zone
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Clock is what is known of a host's clock, where its replies have no Date. The zero value knows
// nothing.
type Clock struct {
	most, least time.Duration // it is ahead of ours by no more and no less
	bounded     bool          // most is known
}

// at returns the host's time at our now.
func (c *Clock) at(header http.Header, now time.Time) time.Time {
	if d, err := http.ParseTime(header.Get("Date")); err == nil {
		return d
	}
	return now.Add(c.offset())
}

// offset is by how much the host's clock is ahead of ours.
func (c *Clock) offset() time.Duration {
	if c.bounded && c.most < 0 {
		return c.most
	}
	return max(0, c.least)
}

// note learns from a moment at which a window of the host ends: it is not over yet, and no farther
// away than the window is long.
func (c *Clock) note(value string, window time.Duration, now, date time.Time) {
	t, ok := moment(value)
	if !ok || !date.Equal(now.Add(c.offset())) { // a Date tells it better
		return
	}
	ahead := t.Sub(now)
	if ahead < -longest || ahead > longest {
		return
	}
	if !c.bounded || ahead < c.most {
		c.most, c.bounded = ahead, true
	}
	if window > 0 && ahead-window > c.least {
		c.least = ahead - window
	}
}

// wait reads how long it is until a time: a time to go, or a moment against the host's clock.
func (c *Clock) wait(value string, unit time.Duration, date time.Time) (d time.Duration, unsure, ok bool) {
	if t, isMoment := moment(value); isMoment {
		d = t.Sub(date)
		if d > longest {
			return 0, false, false
		}
		return max(d, 0), false, true
	}
	if n, isNumber := number(value); isNumber && n > 5e8 && !strings.Contains(value, ";") {
		return 0, false, false // too much to go, too little for an epoch
	}
	d, unsure, ok = duration(value, unit)
	if unsure && d >= longest { // more than a month: it is an hour or some days, in milliseconds
		return d / 1000, false, ok
	}
	return d, unsure, ok && d < longest
}

// pause reads when to come again. That is the host's wish, however far away it is: no number is too
// large. One that would be a moment far from now is a time to go.
func pause(value string, unit time.Duration, date time.Time) (d time.Duration, ok bool) {
	n, isNumber := anyNumber(value)
	if t, isMoment := moment(value); isMoment {
		if d = t.Sub(date); !isNumber || d.Abs() <= longest {
			return min(max(d, 0), forever), true
		}
	}
	if isNumber {
		if unit == time.Millisecond {
			n /= 1000
		}
		return seconds(n), true
	}
	d, _, ok = duration(value, unit)
	return d, ok
}

// Endless reports whether a time is as good as for ever: no more can be told of it than that it is
// longer than 99 years.
func Endless(d time.Duration) bool { return d > forever/100*99 }

// Short is a time for people: 340 ms, 12 s, 4 min, 2 h 5 min.
func Short(d time.Duration) string {
	switch {
	case Endless(d):
		return "more than 99 years"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
