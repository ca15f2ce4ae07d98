package fetch

import (
	"math"
	"net/http"
	"testing"
	"time"
)

func TestReadHints(t *testing.T) {
	now := time.Date(2026, 6, 5, 5, 59, 30, 0, time.UTC)
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		want   hints
	}{
		{"nothing", 200, nil, hints{remaining: -1}},
		{"Retry-After in seconds", 429, map[string]string{"Retry-After": "12"}, hints{remaining: -1, retryAfter: 12 * time.Second}},
		{"Retry-After as a date", 503, map[string]string{"Retry-After": "Fri, 05 Jun 2026 06:00:00 GMT"}, hints{remaining: -1, retryAfter: 30 * time.Second}},
		{"Retry-After in the past", 503, map[string]string{"Retry-After": "Fri, 05 Jun 2026 05:00:00 GMT"}, hints{remaining: -1}},
		{"Retry-After of a good reply", 200, map[string]string{"Retry-After": "12"}, hints{remaining: -1}},
		{"nonsense", 429, map[string]string{"Retry-After": "soon", "X-RateLimit-Remaining": "NaN", "RateLimit": "???;=,;;", "RateLimit-Policy": `";q=`}, hints{remaining: -1}},
		{"negative", 429, map[string]string{"Retry-After": "-5", "X-RateLimit-Remaining": "-1"}, hints{remaining: -1}},
		{"endless", 429, map[string]string{"Retry-After": "1e300"}, hints{remaining: -1, retryAfter: maxHint}},
		{"GitHub", 200, map[string]string{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": "1780639230"},
			hints{limit: 5000, remaining: 4999, reset: time.Minute}},
		{"milliseconds", 200, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1780639230000"}, hints{remaining: 1, reset: time.Minute}},
		{"Jira Cloud", 429, map[string]string{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-06-05T06:00Z"},
			hints{limit: 350, reset: 30 * time.Second}},
		{"Jira Data Center", 200, map[string]string{"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-FillRate": "6", "X-RateLimit-Interval-Seconds": "2", "Retry-After": "0"},
			hints{limit: 5, remaining: 4, fill: 3}},
		{"draft, three headers", 200, map[string]string{"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "50", "RateLimit-Reset": "20"},
			hints{limit: 100, remaining: 50, window: time.Minute, reset: 20 * time.Second}},
		{"draft, three headers, no window", 200, map[string]string{"RateLimit-Limit": "100", "RateLimit-Remaining": "50", "RateLimit-Reset": "20"},
			hints{limit: 100, remaining: 50, reset: 20 * time.Second}},
		{"draft, one header without names", 200, map[string]string{"RateLimit": "limit=100, remaining=50, reset=5", "RateLimit-Policy": "100;w=60, 1000;w=3600"},
			hints{limit: 100, remaining: 50, window: time.Minute, reset: 5 * time.Second}},
		{"draft, as the RFC editor has it", 200, map[string]string{"RateLimit-Policy": `"default";q=100;qu="requests";w=30;pk=:cHsdsRa894==:`, "RateLimit": `"default";r=50;t=30;pk=:cHsdsRa894==:`},
			hints{limit: 100, remaining: 50, window: 30 * time.Second, reset: 30 * time.Second}},
		{"draft, bytes", 200, map[string]string{"RateLimit-Policy": `"b";q=65535;qu="content-bytes";w=10`, "RateLimit": `"b";r=9;t=3`}, hints{remaining: -1}},
		{"x-rate-limit", 200, map[string]string{"x-rate-limit-limit": "15", "x-rate-limit-remaining": "14", "x-rate-limit-reset": "1780639230"},
			hints{limit: 15, remaining: 14, reset: time.Minute}},
		{"ISO time with seconds", 429, map[string]string{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-06-05T06:00:10Z"},
			hints{limit: 350, reset: 40 * time.Second}},
		{"RFC 850 date", 429, map[string]string{"Retry-After": "Friday, 05-Jun-26 06:00:00 GMT"}, hints{remaining: -1, retryAfter: 30 * time.Second}},
		{"draft, two headers", 200, map[string]string{"RateLimit-Policy": `"burst";q=100;w=60, "day";q=1000;w=86400`, "RateLimit": `"burst";r=50;t=30, "day";r=100;t=4000`},
			hints{limit: 1000, window: 24 * time.Hour, remaining: 100, reset: 4000 * time.Second}},
		{"a refusal with a reset alone", 429, map[string]string{"X-RateLimit-Reset": "30"}, hints{reset: 30 * time.Second}},
		{"a refusal with limit and reset", 429, map[string]string{"X-RateLimit-Limit": "350", "X-RateLimit-Reset": "20"}, hints{limit: 350, reset: 20 * time.Second}},
		{"a good reply with a reset alone", 200, map[string]string{"X-RateLimit-Reset": "30"}, hints{remaining: -1}},
		{"Jira Cloud, the burst left and the quota used up", 429, map[string]string{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "349", "X-Beta-RateLimit-Reset": "2026-06-05T06:00Z"},
			hints{reset: 30 * time.Second}},
		{"Jira Cloud, the quota nearer", 200, map[string]string{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "349",
			"Beta-RateLimit": `"tenant-app-quota";r=1000;t=60`, "Beta-RateLimit-Policy": "q=100000;w=3600"},
			hints{limit: 100000, window: time.Hour, remaining: 1000, reset: time.Minute}},
		{"Jira Cloud, the burst nearer", 200, map[string]string{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "7",
			"Beta-RateLimit": `"tenant-app-quota";r=50000;t=60`, "Beta-RateLimit-Policy": `"tenant-app-quota";q=100000;w=3600`},
			hints{limit: 350, remaining: 7}},
		{"one limit in two forms", 200, map[string]string{"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "50", "RateLimit-Policy": `"b";q=100;w=60`, "RateLimit": `"b";r=50;t=30`},
			hints{limit: 100, window: time.Minute, remaining: 50, reset: 30 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: c.status, Header: http.Header{"Date": {now.Format(http.TimeFormat)}}}
			for k, v := range c.header {
				resp.Header.Set(k, v)
			}
			if got := readHints(resp); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// FuzzHints: whatever a host states, the order stays one that can be carried out.
func FuzzHints(f *testing.F) {
	f.Add("12", "5000", "0", "2026-06-05T06:00Z", `"b";q=100;w=60`, `"b";r=50;t=30`)
	f.Add("Fri, 05 Jun 2026 06:00:00 GMT", "1e308", "1e-300", "99999999999999999999", "a;q=0;w=0", "a;r=0;t=0")
	f.Fuzz(func(t *testing.T, after, limit, remaining, reset, policy, state string) {
		resp := &http.Response{StatusCode: 429, Header: http.Header{
			"Retry-After": {after}, "X-Ratelimit-Limit": {limit}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset},
			"X-Ratelimit-Fillrate": {limit}, "X-Ratelimit-Interval-Seconds": {reset}, "Ratelimit-Policy": {policy}, "Ratelimit": {state},
			"Beta-Ratelimit-Policy": {policy}, "Beta-Ratelimit": {limit},
		}}
		p := newPace()
		for range 3 {
			now := time.Now()
			for _, status := range []int{200, 429, 503} {
				o := p.observe(p.began(now), now, status, readHints(resp), sample{"GET/", time.Second})
				if !(o.rate > 0) || o.burst < 1 || o.window < 1 || o.pause < 0 || o.pause > maxHint || math.IsNaN(o.rate) {
					t.Fatalf("%+v", o)
				}
			}
		}
	})
}
