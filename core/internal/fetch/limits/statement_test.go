package limits

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRead: what is understood of a reply, in words.
func TestRead(t *testing.T) {
	now := time.Date(2026, 6, 5, 5, 59, 30, 0, time.UTC)
	type h = map[string]string
	for _, c := range []struct {
		name   string
		status int
		header h
		want   string
	}{
		{"nothing", 200, nil, ""},
		{"a date of Java", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0",
				"X-RateLimit-Reset": "Fri Jun 05 06:00:00 UTC 2026"},
			"X-Ratelimit: 0 of 9 left, in full again in 30 s"},
		{"a date of Go", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0",
				"X-RateLimit-Reset": "2026-06-05 06:00:00 +0000 UTC"},
			"X-Ratelimit: 0 of 9 left, in full again in 30 s"},
		{"a date without marks", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20260605T060000Z"},
			"X-Ratelimit: 0 of 9 left, in full again in 30 s"},
		{"an hour in milliseconds", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3599000"},
			"X-Ratelimit: 0 of 9 left, in full again in 60 min"},
		{"a time to reset", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-Time-To-Reset": "40"},
			"X-Ratelimit: 0 of 9 left, in full again in 40 s"},
		{"the same in one word", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-TimeToReset": "40"},
			"X-Ratelimit: 0 of 9 left, in full again in 40 s"},
		{"milliseconds in one word", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-ResetMs": "4000"},
			"X-Ratelimit: 0 of 9 left, in full again in 4 s"},
		{"two uses, the fuller one counts", 200,
			h{"Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=17/250(appName=sample-app)"},
			"Sforce-Limit-Info: 233 of 250 left"},
		{"what is left by names", 200, h{"X-Ms-RateLimit-Remaining-Resource": "A/Get3Min;197,A/Get30Min;1297"},
			"X-Ms-Ratelimit-Resource A/Get30Min: 1297 left in 30 min; X-Ms-Ratelimit-Resource A/Get3Min: 197 left in 3 min"},
		{"Retry-After in seconds", 429, h{"Retry-After": "12"}, "Retry-After asks for a pause of 12 s"},
		{"Retry-After with a unit", 429, h{"Retry-After": "1m30s"}, "Retry-After asks for a pause of 90 s"},
		{"Retry-After as a date", 503, h{"Retry-After": "Fri, 05 Jun 2026 06:00:00 GMT"},
			"Retry-After asks for a pause of 30 s"},
		{"Retry-After as an RFC 850 date", 429, h{"Retry-After": "Friday, 05-Jun-26 06:00:00 GMT"},
			"Retry-After asks for a pause of 30 s"},
		{"Retry-After in the past", 503, h{"Retry-After": "Fri, 05 Jun 2026 05:00:00 GMT"}, ""},
		{"Retry-After of a good reply", 200, h{"Retry-After": "12"}, ""},
		{"both, the finer one counts", 429, h{"Retry-After": "2", "Retry-After-Ms": "1250"},
			"Retry-After-Ms asks for a pause of 1 s"},
		{"nonsense", 429, h{"Retry-After": "soon", "X-RateLimit-Remaining": "NaN", "RateLimit": "???;=,;;",
			"RateLimit-Policy": `";q=`},
			"not understood: Retry-After: soon; not understood: X-Ratelimit-Remaining: NaN"},
		{"negative", 429, h{"Retry-After": "-5", "X-RateLimit-Remaining": "-1"},
			"not understood: Retry-After: -5; not understood: X-Ratelimit-Remaining: -1"},
		{"endless", 429, h{"Retry-After": "99999999999999999999"},
			"Retry-After asks for a pause of more than 99 years"},
		{"endless, more than a float64 holds", 429, h{"Retry-After": strings.Repeat("9", 400)},
			"Retry-After asks for a pause of more than 99 years"},
		{"endless, in milliseconds", 429, h{"Retry-After-Ms": "99999999999999999999"},
			"Retry-After-Ms asks for a pause of more than 99 years"},
		{"endless, by another name", 429, h{"X-Retry-After": "99999999999999999999"},
			"X-Retry-After asks for a pause of more than 99 years"},
		{"a date in the far future", 503, h{"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
			"Retry-After asks for a pause of more than 99 years"},
		{"a long time to go", 429, h{"Retry-After": "4000000"}, "Retry-After asks for a pause of 46 days"},
		{"a long time to go, with a unit", 429, h{"Retry-After": "46 days"}, "Retry-After asks for a pause of 46 days"},
		{"a time to go that would be a moment of long ago", 429, h{"Retry-After": "600000000"},
			"Retry-After asks for a pause of 6944 days"},
		{"a long time to go, in milliseconds", 429, h{"Retry-After-Ms": "864000000"},
			"Retry-After-Ms asks for a pause of 10 days"},
		{"Retry-After as an epoch", 429, h{"Retry-After": "1780639230"}, "Retry-After asks for a pause of 60 s"},
		{"Retry-After as an epoch in the past", 429, h{"Retry-After": "1780639110"}, ""},
		{"no number", 429, h{"Retry-After": "Infinity"}, "not understood: Retry-After: Infinity"},
		{"a reset beyond belief", 200, h{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999999999999"},
			"X-Ratelimit: 0 left; not understood: X-Ratelimit-Reset: 99999999999999999999"},
		{"epoch seconds", 200, h{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999",
			"X-RateLimit-Reset": "1780639230"},
			"X-Ratelimit: 4999 of 5000 left, in full again in 60 s"},
		{"epoch milliseconds", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1780639230000"},
			"X-Ratelimit: 1 left, in full again in 60 s"},
		{"epoch microseconds", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1780639230000000"},
			"X-Ratelimit: 1 left, in full again in 60 s"},
		{"milliseconds to go, longer than the window", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1500000",
				"X-RateLimit-Interval": "1h"},
			"X-Ratelimit: 1 of 9 left in 60 min, in full again in 25 min"},
		{"ISO to the minute", 429, h{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0",
			"X-RateLimit-Reset": "2026-06-05T06:00Z"},
			"X-Ratelimit: 0 of 350 left, in full again in 30 s"},
		{"ISO with a fraction and a zone", 200,
			h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "2026-06-05T08:00:10.123+02:00"},
			"X-Ratelimit: 1 left, in full again in 40 s"},
		{"a date and time without a zone", 200,
			h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "2026-06-05 06:00:10"},
			"X-Ratelimit: 1 left, in full again in 40 s"},
		{"JavaScript's date", 200, h{"X-RateLimit-Remaining": "1",
			"X-RateLimit-Reset": "Fri Jun 05 2026 07:00:10 GMT+0100 (Central European Standard Time)"},
			"X-Ratelimit: 1 left, in full again in 40 s"},
		{"a date of a log", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "05/Jun/2026:08:00:10 +0200"},
			"X-Ratelimit: 1 left, in full again in 40 s"},
		{"a date of a log in brackets", 429, h{"Retry-After": "[05/Jun/2026:06:00:10 +0000]"},
			"Retry-After asks for a pause of 40 s"},
		{"names with and without X-", 429,
			h{"RateLimit-Limit": "100", "RateLimit-Remaining": "0", "X-RateLimit-Reset": "12"},
			"Ratelimit: 0 of 100 left, in full again in 12 s"},
		{"names with and without X-, the other way round", 200,
			h{"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "7", "RateLimit-Reset": "12"},
			"Ratelimit: 7 of 100 left, in full again in 12 s"},
		{"two limits, with and without X-", 200,
			h{"RateLimit-Limit": "5", "RateLimit-Remaining": "4", "X-RateLimit-Limit": "900",
				"X-RateLimit-Remaining": "700"},
			"Ratelimit: 4 of 5 left; X-Ratelimit: 700 of 900 left"},
		{"grouped digits", 200, h{"X-RateLimit-Limit": "5,000", "X-RateLimit-Remaining": "4,987",
			"X-RateLimit-Reset": "12"},
			"X-Ratelimit: 4987 of 5000 left, in full again in 12 s"},
		{"grouped digits, then none", 200,
			h{"X-RateLimit-Limit": "1,000,000", "X-RateLimit-Remaining": "999",
				"X-RateLimit-Reset": "Fri, 05 Jun 2026 06:00:00 GMT"},
			"X-Ratelimit: 999 of 1e+06 left, in full again in 30 s"},
		{"lists that look like grouped digits", 200, h{"X-RateLimit-Limit": "200,2000", "X-RateLimit-Usage": "12,345"},
			"X-Ratelimit: 188 of 200 left; X-Ratelimit (2): 1655 of 2000 left"},
		{"ISO 8601, a time to go", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "PT1M30S"},
			"X-Ratelimit: 1 left, in full again in 90 s"},
		{"ISO 8601, a time to go with a fraction, and a window", 200,
			h{"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "PT12.5S",
				"X-RateLimit-Window": "P1DT1H"},
			"X-Ratelimit: 1 of 9 left in 25 h 0 min, in full again in 12 s"},
		{"ISO 8601, a pause", 429, h{"Retry-After": "PT2H"}, "Retry-After asks for a pause of 2 h 0 min"},
		{"ISO 8601, no time", 429, h{"Retry-After": "PT"}, "not understood: Retry-After: PT"},
		{"ISO 8601 in a draft", 200, h{"RateLimit": "limit=10, remaining=5, reset=PT12S"},
			"Ratelimit: 5 of 10 left, in full again in 12 s"},
		{"ResetAfter", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-ResetAfter": "12.5"},
			"X-Ratelimit: 1 left, in full again in 12 s"},
		{"ResetAfter, nearer than a moment", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-ResetAfter": "12",
			"X-RateLimit-Reset": "1780639230"}, "X-Ratelimit: 1 left, in full again in 12 s"},
		{"Reset-After and Reset-In", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "12",
			"X-Quota-Remaining": "3", "X-Quota-Reset-In": "7", "X-Quota-Reset": "1780639230"},
			"X-Quota: 3 left, in full again in 7 s; X-Ratelimit: 1 left, in full again in 12 s"},
		{"ResetInMs", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-ResetInMs": "12000"},
			"X-Ratelimit: 1 left, in full again in 12 s"},
		{"Reset-Timestamp", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-Timestamp": "1780639230"},
			"X-Ratelimit: 1 left, in full again in 60 s"},
		{"RetryAfterMs", 429, h{"X-RetryAfterMs": "4000"}, "X-Retryafterms asks for a pause of 4 s"},
		{"a token bucket", 200, h{"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-FillRate": "6",
			"X-RateLimit-Interval-Seconds": "2", "Retry-After": "0"},
			"X-Ratelimit: 4 of 5 left, 3 more a second"},
		{"draft, three headers", 200, h{"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "50",
			"RateLimit-Reset": "20"},
			"Ratelimit: 50 of 100 left in 60 s, in full again in 20 s"},
		{"draft, three headers and a policy", 200,
			h{"RateLimit-Limit": "100", "RateLimit-Remaining": "50", "RateLimit-Reset": "20",
				"RateLimit-Policy": `100;w=60;comment="a, b; c"`},
			"Ratelimit: 50 of 100 left in 60 s, in full again in 20 s"},
		{"draft, one header without names", 200,
			h{"RateLimit": "limit=100, remaining=50, reset=5", "RateLimit-Policy": "100;w=60"},
			"Ratelimit: 50 of 100 left in 60 s, in full again in 5 s"},
		{"draft, several policies, the limit's is the last", 200,
			h{"RateLimit": "limit=200, remaining=150, reset=12", "RateLimit-Policy": "30;w=1, 200;w=16"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, several policies, the limit's is the first", 200,
			h{"RateLimit": "limit=200, remaining=150, reset=12", "RateLimit-Policy": "200;w=16, 30;w=1"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, several policies of one size", 200,
			h{"RateLimit": "limit=100, remaining=50, reset=12", "RateLimit-Policy": "100;w=3600, 100;w=1, 100;w=60"},
			"Ratelimit: 50 of 100 left in 60 s, in full again in 12 s; " +
				"Ratelimit-Policy (1 s): 100 in 1 s; Ratelimit-Policy (60 min): 100 in 60 min"},
		{"draft, a policy that is not the limit's", 200,
			h{"RateLimit": "limit=200, remaining=150, reset=12", "RateLimit-Policy": "30;w=1"},
			"Ratelimit: 150 of 200 left, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, a policy with a burst", 200,
			h{"RateLimit": "limit=330, remaining=150, reset=2", "RateLimit-Policy": "300;w=5;burst=330"},
			"Ratelimit: 150 of 330 left in 5 s, in full again in 2 s"},
		{"draft, no size and several policies", 200,
			h{"RateLimit": "remaining=150, reset=12", "RateLimit-Policy": "30;w=1, 200;w=16"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, three headers and several policies", 200,
			h{"RateLimit-Limit": "200", "RateLimit-Remaining": "150", "RateLimit-Reset": "12",
				"RateLimit-Policy": "30;w=1, 200;w=16"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, several policies beside the limit", 200,
			h{"RateLimit-Limit": "200, 30;w=1, 200;w=16", "RateLimit-Remaining": "150", "RateLimit-Reset": "12"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, several policies before the limit", 200,
			h{"RateLimit-Limit": "30;w=1, 200;w=16, 200", "RateLimit-Remaining": "150", "RateLimit-Reset": "12"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"draft, several policies without the limit", 200,
			h{"RateLimit-Limit": "30;w=1, 200;w=16", "RateLimit-Remaining": "150", "RateLimit-Reset": "12"},
			"Ratelimit: 150 of 200 left in 16 s, in full again in 12 s; Ratelimit-Policy: 30 in 1 s"},
		{"lists, the policies in another order", 200,
			h{"X-RateLimit-Limit": "1, 15000", "X-RateLimit-Remaining": "1, 1000", "X-RateLimit-Reset": "1, 1419704",
				"X-RateLimit-Policy": "15000;w=2592000, 1;w=1"},
			"X-Ratelimit: 1 of 1 left in 1 s, in full again in 1 s; " +
				"X-Ratelimit (2): 1000 of 15000 left in 30 days, in full again in 16 days"},
		{"draft, names, and one policy is not stated", 200,
			h{"RateLimit-Policy": `"day";q=1000;w=86400, "second";q=20;w=1`, "RateLimit": `"day";r=100;t=4000`},
			"Ratelimit day: 100 of 1000 left in 24 h 0 min, in full again in 67 min; " +
				"Ratelimit-Policy second: 20 in 1 s"},
		{"draft, names that differ", 200,
			h{"RateLimit-Policy": `"s";q=20;w=1, "d";q=1000;w=86400`, "RateLimit": `"default";r=100;t=4000`},
			"Ratelimit default: 100 of 1000 left in 24 h 0 min, in full again in 67 min; " +
				"Ratelimit-Policy s: 20 in 1 s"},
		{"draft, policies in other units", 200,
			h{"RateLimit": `"d";r=50;t=30`,
				"RateLimit-Policy": `"d";q=100;w=60, "b";q=65535;qu="bytes";w=1, "c";q=10;qu="concurrent-requests"`},
			"Ratelimit d: 50 of 100 left in 60 s, in full again in 30 s; Ratelimit-Policy c: 10 at once"},
		{"draft, names", 200, h{"RateLimit-Policy": `"default";q=100;qu="requests";w=30;pk=:cHsdsRa894==:`,
			"RateLimit": `"default";r=50;t=30;pk=:cHsdsRa894==:`},
			"Ratelimit default: 50 of 100 left in 30 s, in full again in 30 s"},
		{"draft, bytes", 200, h{"RateLimit-Policy": `"b";q=65535;qu="content-bytes";w=10`, "RateLimit": `"b";r=9;t=3`},
			"Ratelimit b (content-bytes): 9 of 65535 left in 10 s, in full again in 3 s"},
		{"draft, the only policy", 200, h{"RateLimit-Policy": `"burst";q=100;w=60`, "RateLimit": `"default";r=50;t=30`},
			"Ratelimit default: 50 of 100 left in 60 s, in full again in 30 s"},
		{"two limits", 200, h{"RateLimit-Policy": `"burst";q=100;w=60, "day";q=1000;w=86400`,
			"RateLimit": `"burst";r=50;t=30, "day";r=100;t=4000`},
			"Ratelimit burst: 50 of 100 left in 60 s, in full again in 30 s; Ratelimit day: 100 of 1000 left in 24 h 0 min, in full again in 67 min"},
		{"a refusal with a reset alone", 429, h{"X-RateLimit-Reset": "30"},
			"X-Ratelimit: 0 left, in full again in 30 s"},
		{"a good reply with a reset alone", 200, h{"X-RateLimit-Reset": "30"}, ""},
		{"a limit alone", 200, h{"X-RateLimit-Limit": "30"}, ""},
		{"used up of two limits", 429, h{"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "349",
			"X-Beta-RateLimit-Reset": "2026-06-05T06:00Z"},
			"X-Beta-Ratelimit: 0 left, in full again in 30 s; X-Ratelimit: 349 of 350 left"},
		{"one limit in two forms", 200, h{"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "50",
			"RateLimit-Policy": `"b";q=100;w=60`, "RateLimit": `"b";r=50;t=30`},
			"Ratelimit b: 50 of 100 left in 60 s, in full again in 30 s"},
		{"one limit in two forms, used up", 429,
			h{"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": "0", "RateLimit-Limit": "700",
				"RateLimit-Remaining": "0", "RateLimit-Reset": "44"},
			"Ratelimit: 0 of 700 left, in full again in 44 s"},
		{"what no header of a limit is", 200,
			h{"X-Page-Limit": "100", "X-Limit-Text": "12", "X-Rate": "3", "Quota-Free": "yes"}, ""},
		{"a name that nobody has used yet", 200,
			h{"X-Acme-Rate-Limit-Uploads-Max": "10", "X-Acme-Rate-Limit-Uploads-Available": "4",
				"X-Acme-Rate-Limit-Uploads-Reset-In": "30 seconds"},
			"X-Acme-Rate-Limit-Uploads: 4 of 10 left, in full again in 30 s"},
		{"lists of used ones", 200, h{"X-RateLimit-Limit": "600,30000", "X-RateLimit-Usage": "314,30000"},
			"X-Ratelimit: 286 of 600 left; X-Ratelimit (2): 0 of 30000 left"},
		{"lists of used ones, and a set for reading", 429,
			h{"X-RateLimit-Limit": "200, 2000", "X-RateLimit-Usage": "120, 150",
				"X-ReadRateLimit-Limit": "100,1000", "X-ReadRateLimit-Usage": "103,140"},
			"X-Ratelimit: 80 of 200 left; X-Ratelimit (2): 1850 of 2000 left; " +
				"X-Readratelimit: 0 of 100 left; X-Readratelimit (2): 860 of 1000 left"},
		{"a list of used ones with resets", 200,
			h{"X-RateLimit-Limit": "10, 100", "X-RateLimit-Used": "4, 7", "X-RateLimit-Reset": "5, 50"},
			"X-Ratelimit: 6 of 10 left, in full again in 5 s; X-Ratelimit (2): 93 of 100 left, in full again in 50 s"},
		{"times under a stem that is shorter", 200,
			h{"X-Rate-Limit-Requests-Left": "35", "X-Rate-Limit-Requests-Quota": "150",
				"X-Rate-Limit-Time-Window-Ms": "30000", "X-Rate-Limit-Time-Reset-Ms": "15000"},
			"X-Rate-Limit-Requests: 35 of 150 left in 30 s, in full again in 15 s"},
		{"times under a stem that is shorter, nothing left", 429,
			h{"X-Rate-Limit-Requests-Left": "0", "X-Rate-Limit-Requests-Quota": "150",
				"X-Rate-Limit-Time-Window-Ms": "30000", "X-Rate-Limit-Time-Reset-Ms": "1500"},
			"X-Rate-Limit-Requests: 0 of 150 left in 30 s, in full again in 2 s"},
		{"a reset of one of two limits", 200,
			h{"X-RateLimit-Limit-Day": "10", "X-RateLimit-Remaining-Day": "5", "X-RateLimit-Limit-Hour": "8",
				"X-RateLimit-Remaining-Hour": "4", "X-RateLimit-Reset": "30"},
			"X-Ratelimit-Day: 5 of 10 left in 24 h 0 min; X-Ratelimit-Hour: 4 of 8 left in 60 min"},
		{"a reset of a refusal, beside a limit that is not used up", 429,
			h{"X-RateLimit-Limit-Day": "10", "X-RateLimit-Remaining-Day": "5", "X-RateLimit-Reset": "30"},
			"X-Ratelimit: 0 left, in full again in 30 s; X-Ratelimit-Day: 5 of 10 left in 24 h 0 min"},
		{"a limit and a quota, two resets: the plainer ones", 200,
			h{"X-RateLimit-Limit": "10", "X-RateLimit-Quota": "4000", "X-RateLimit-Remaining": "4",
				"X-RateLimit-Reset": "30", "X-RateLimit-Reset-Date": "tomorrow"},
			"X-Ratelimit: 4 of 10 left, in full again in 30 s"},
		{"a quota and what remains of it", 200,
			h{"X-RateLimit-Quota-Limit": "10", "X-RateLimit-Quota-Remaining": "4", "X-RateLimit-Quota-Reset": "30"},
			"X-Ratelimit-Quota: 4 of 10 left, in full again in 30 s"},
		{"a size and its window in words", 200, h{"X-RateLimit-Limit": "60/minute", "X-RateLimit-Remaining": "59"},
			"X-Ratelimit: 59 of 60 left in 60 s"},
		{"a size per hour", 200, h{"X-RateLimit-Limit": "5000 per hour", "X-RateLimit-Remaining": "4990",
			"X-RateLimit-Reset": "00:00:30"},
			"X-Ratelimit: 4990 of 5000 left in 60 min, in full again in 30 s"},
		{"sizes of several windows", 200,
			h{"X-RateLimit-Limit": "10 per 1 second, 100 requests per 30 seconds", "X-RateLimit-Remaining": "9"},
			"X-Ratelimit: 9 of 10 left in 1 s; X-Ratelimit-Policy: 100 in 30 s"},
		{"a size and its window, alone", 200, h{"X-Rate-Limit": "100/10s"}, "X-Rate-Limit: 100 in 10 s"},
		{"a use, and no window", 200, h{"X-Rate-Limit": "30/100"}, "X-Rate-Limit: 70 of 100 left"},
		{"pairs of size and window", 200,
			h{"X-App-Rate-Limit": "20:1,100:120", "X-App-Rate-Limit-Count": "1:1,40:120",
				"X-Method-Rate-Limit":       "2000:60",
				"X-Method-Rate-Limit-Count": "7:60"},
			"X-App-Rate-Limit (1 s): 19 of 20 left in 1 s; X-App-Rate-Limit (2 min): 60 of 100 left in 2 min; " +
				"X-Method-Rate-Limit (60 s): 1993 of 2000 left in 60 s"},
		{"a refusal of one method", 429, h{"X-Rate-Limit-Type": "method", "Retry-After": "3"},
			"Retry-After asks for a pause of 3 s; of this endpoint alone"},
		{"a quota that is allotted", 403,
			h{"X-Plan-Quota-Allotted": "5000", "X-Plan-Quota-Current": "5000",
				"X-Plan-Quota-Reset": "Friday, June 5, 2026 6:00:00 AM GMT", "X-Plan-Qps-Allotted": "2",
				"X-Plan-Qps-Current": "1", "X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_RATE"},
			"X-Plan-Qps: 1 of 2 left in 1 s; X-Plan-Quota: 0 of 5000 left, in full again in 30 s; " +
				"refused: ERR_403_DEVELOPER_OVER_RATE"},
		{"an error that is no refusal", 403, h{"X-Mashery-Error-Code": "ERR_403_NOT_AUTHORIZED"}, ""},
		{"a cost beside the limit that is named after it", 200,
			h{"X-Complexity": "21", "X-RateLimit-Complexity-Limit": "10000", "X-RateLimit-Complexity-Remaining": "9979",
				"X-RateLimit-Requests-Limit": "100", "X-RateLimit-Requests-Remaining": "99"},
			"X-Ratelimit-Complexity: 9979 of 10000 left, this request cost 21; X-Ratelimit-Requests: 99 of 100 left"},
		{"a date of the United States", 200,
			h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "6/5/2026 6:00:10 AM"},
			"X-Ratelimit: 1 left, in full again in 40 s"},
		{"a date that cannot be", 200, h{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "31/31/2026 6:00:10 AM"},
			"X-Ratelimit: 1 left; not understood: X-Ratelimit-Reset: 31/31/2026 6:00:10 AM"},
		{"used instead of remaining", 200, h{"X-Quota-Limit": "10", "X-Quota-Used": "7", "X-Quota-Reset": "3600"},
			"X-Quota: 3 of 10 left, in full again in 60 min"},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{"Date": {now.Format(http.TimeFormat)}}
			for k, v := range c.header {
				header.Set(k, v)
			}
			if got := Read(c.status, header, now.Add(time.Hour), &Clock{}).String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestClock: a host without a Date whose clock is slow or fast is understood as soon as its resets
// show it.
func TestClock(t *testing.T) {
	start := time.Unix(1780639230, 0)
	for _, ahead := range []time.Duration{-30 * time.Second, 30 * time.Second} {
		var c Clock
		var last time.Duration
		for at := time.Duration(0); at < 40*time.Second; at += time.Second / 4 {
			now := start.Add(at)
			end := now.Add(ahead).Truncate(16 * time.Second).Add(16 * time.Second)
			h := http.Header{"X-Ratelimit-Limit": {"100"}, "X-Ratelimit-Remaining": {"1"},
				"X-Ratelimit-Interval": {"16s"}, "X-Ratelimit-Reset": {end.UTC().Format(time.RFC3339)}}
			s := Read(200, h, now, &c)
			last = s.Limits[0].Reset - end.Sub(now.Add(ahead))
		}
		if last.Abs() > time.Second {
			t.Errorf("a clock that is %s ahead: the reset is wrong by %s", ahead, last)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		status int
		header map[string]string
		want   bool
	}{
		{429, nil, true}, {420, nil, true}, {509, nil, true}, {529, nil, true},
		{403, nil, false}, {400, nil, false}, {500, nil, false}, {503, nil, false},
		{302, map[string]string{"Retry-After": "5"}, false}, {200, map[string]string{"Retry-After": "5"}, false},
		{403, map[string]string{"Retry-After": "5"}, true}, {503, map[string]string{"Retry-After": "5"}, true},
		{500, map[string]string{"Retry-After": "5"}, true},
		{400, map[string]string{"X-Ms-Retry-After-Ms": "5"}, true}, {404, map[string]string{"Retry-After": "0"}, false},
		{403, map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"},
			true},
		{403, map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "30"},
			false},
		{403, map[string]string{"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS"}, true},
		{400, map[string]string{"X-Amzn-ErrorType": "ThrottlingException:"}, true},
		{403, map[string]string{"X-Mashery-Error-Code": "ERR_403_DEVELOPER_INACTIVE"}, false},
		{200, map[string]string{"X-Mashery-Error-Code": "ERR_403_DEVELOPER_OVER_QPS"}, false},
		{403, map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0"}, false},
		{200, map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"},
			false},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, true},
		{400, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999999999999"}, true},
		{403, map[string]string{"X-RateLimit-Limit": "5, 9",
			"X-RateLimit-Remaining": "3, 0", "X-RateLimit-Reset": "9, -1"}, true},
		{403, map[string]string{"X-RateLimit-Limit": "5, 9",
			"X-RateLimit-Remaining": "0, 3", "X-RateLimit-Reset": "0, -1"}, false},
		{403, map[string]string{"RateLimit": "limit=60, remaining=0, reset=soon"}, true},
		{403, map[string]string{"RateLimit": `"default";r=0;t=-1`}, true},
		{403, map[string]string{"X-Rate-Limit-Requests-Left": "0", "X-Rate-Limit-Time-Reset-Ms": "soon"}, true},
		{403, map[string]string{"X-RateLimit-Left": "0", "RateLimit-Left": "0", "RateLimit-Reset": "soon"}, true},
		{403, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "soon"}, false},
		{403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": ""}, false},
		{500, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, false},
		{200, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, false},
	} {
		h := http.Header{}
		for k, v := range c.header {
			h.Set(k, v)
		}
		if got := Read(c.status, h, time.Unix(1780639230, 0), &Clock{}).Refuses(c.status, false); got != c.want {
			t.Errorf("%d %v: %v", c.status, c.header, got)
		}
	}
	if h := (http.Header{"Retry-After": {"2"}}); Read(404, h, time.Now(), &Clock{}).Refuses(404, true) {
		t.Error("a Retry-After that comes with every reply makes a 404 a refusal")
	}
}

func TestInBody(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       time.Duration
	}{
		{"retry_after", `{"retry_after": 0.65}`, 650 * time.Millisecond},
		{"errors.0.extensions.retry_in_seconds", `{"errors":[{"extensions":{"retry_in_seconds":12}}]}`,
			12 * time.Second},
		{"errors[0].extensions.retry_in_seconds", `{"errors":[{"extensions":{"retry_in_seconds":"12"}}]}`,
			12 * time.Second},
		{"error_message", `{"error_message":"too many requests from this IP, more requests available in 31 seconds"}`,
			31 * time.Second},
		{"backoff", `{"items":[1,2,3],"has_more":true,"backoff":10}`, 10 * time.Second},
		{"retry_after_ms", `{"retry_after_ms": 650}`, 650 * time.Millisecond},
		{"retryAfterMs", `{"retryAfterMs": "1500"}`, 1500 * time.Millisecond},
		{"wait.ms", `{"wait": {"ms": 40}}`, 40 * time.Millisecond},
		{"items", `{"items": 3}`, 3 * time.Second},
		{"backoff", `{"items":[1,2,3]}`, 0},
		{"backoff", `<html>"backoff"`, 0},
		{"backoff", `{"backoff":-1}`, 0},
		{"backoff", `{"backoff":1e99}`, 0},
		{"extensions.cost.throttleStatus",
			`{"extensions":{"cost":{"requestedQueryCost":100,"throttleStatus":{"maximumAvailable":1000,"currentlyAvailable":50,"restoreRate":50}}}}`, time.Second},
		{"extensions.cost", `{"extensions":{"cost":{"requestedQueryCost":100,"throttleStatus":{"maximumAvailable":1000,"currentlyAvailable":50,"restoreRate":50}}}}`, time.Second},
	} {
		if got, _, _ := InBody([]byte(c.body), c.path); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.path, c.body, got, c.want)
		}
	}
}

// TestInSentence: of the times in a text for people, the one to wait is found.
func TestInSentence(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"Too many requests, try again in 1m30s":                                          90 * time.Second,
		"Too many requests. Please retry in 1h2m3s.":                                     3723 * time.Second,
		"5 requests per 10 seconds exceeded, retry in 42 seconds":                        42 * time.Second,
		"retry in 42 seconds: 5 requests per 10 seconds exceeded":                        42 * time.Second,
		"5 requests in 10 seconds exceeded, 42 seconds left":                             42 * time.Second,
		"100 requests every 60 seconds are allowed, next one: 7 s":                       7 * time.Second,
		"limit is 100/60s; wait 5s":                                                      5 * time.Second,
		"at most 100 calls in a 60-second window. Wait at least 12.5 seconds.":           12500 * time.Millisecond,
		"5 requests per 10 seconds exceeded":                                             0,
		"5 requests within the last 10 seconds":                                          0,
		"The first of them came 10 seconds ago":                                          0,
		"Timed out after 3 seconds. Retry in 42 seconds":                                 42 * time.Second,
		"Retry in 42 seconds, the quota resets after 1 hour":                             42 * time.Second,
		"Please wait 2 minutes.":                                                         2 * time.Minute,
		"Please wait 1 minute and 30 seconds before you ask again.":                      90 * time.Second,
		"Blocked for 2 hours, 5 minutes":                                                 125 * time.Minute,
		"Request was throttled. Expected available in 350ms.":                            350 * time.Millisecond,
		"Please try again in 20ms. Limit 3500 RPM":                                       20 * time.Millisecond,
		"Please wait 1,500 milliseconds":                                                 1500 * time.Millisecond,
		"Bitte 1,5 s warten":                                                             1500 * time.Millisecond,
		"Retry after 30":                                                                 30 * time.Second,
		"rate limited (retry_after: 30)":                                                 30 * time.Second,
		"rate limited, retryAfterMs=1500, attempt 3":                                     1500 * time.Millisecond,
		"Retry after 5 attempts failed":                                                  0,
		"Error 429: wait 10-20 seconds":                                                  20 * time.Second,
		"Retry in -5 seconds":                                                            0,
		"Quota will be replenished in 02:14:44.":                                         8084 * time.Second,
		"Try again at 12:30:00":                                                          0,
		"Retry in PT1M30S":                                                               90 * time.Second,
		"Please retry after 2026-11-30T12:00:42Z":                                        42 * time.Second,
		"2026-11-30T11:59:59Z: 5 per 10 seconds exceeded, until 2026-11-30 12:01:00 UTC": time.Minute,
		"The limit resets at 2026-11-30T13:00:42.5+01:00.":                               42500 * time.Millisecond,
		"Try again after Mon, 30 Nov 2026 12:00:42 GMT.":                                 42 * time.Second,
		"Try again after 2026-11-30 12:01 UTC":                                           time.Minute,
		"Blocked until 30/Nov/2026:12:00:42 +0000":                                       42 * time.Second,
		"Your limit will reset at 1796040042":                                            42 * time.Second,
		"Your limit will reset at 1796040042500":                                         42500 * time.Millisecond,
		"2026-11-30T12:00:42Z":                                                           42 * time.Second,
		"30/Nov/2026:12:00:42 +0000":                                                     42 * time.Second,
		"1796040042":                                                                     42 * time.Second,
		"2026-11-30T11:00:42Z":                                                           0,
		"request 1234567890 to 10 servers in 5 regions failed":                           0,
		"": 0,
	} {
		body, err := json.Marshal(map[string]string{"message": text})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, ok := InBodyAt(body, "message", now); ok && got != want || ok != (want > 0) {
			t.Errorf("%s: %s %v, want %s", text, got, ok, want)
		}
	}
	if got, _, _ := InBodyAt([]byte(`{"reset":1796040042}`), "reset", now); got != 42*time.Second {
		t.Errorf("an epoch that is a number: %s", got)
	}
}
