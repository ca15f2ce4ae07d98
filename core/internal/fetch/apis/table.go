// The table. Names, units and statuses are those of the APIs; numbers are such that a run of a
// minute meets the limit.

package apis

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/scrapekit/scrapekit/sdk/reply"
)

const (
	second = time.Second
	minute = time.Minute
)

func whole(d time.Duration) string   { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
func decimal(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
func millis(d time.Duration) string  { return strconv.FormatInt(d.Milliseconds(), 10) }
func num(n int) string               { return strconv.Itoa(n) }

// epoch is the second at which a time from now is over.
func epoch(s State, d time.Duration) string {
	return strconv.FormatInt(int64(math.Ceil(float64(s.Now.Add(d).UnixMilli())/1000)), 10)
}

// three tells limit, rest and reset under one beginning of their names.
func three(prefix string, reset func(State) string) func(http.Header, State) string {
	return func(h http.Header, s State) string {
		h.Set(prefix+"Limit", num(s.Limit))
		h.Set(prefix+"Remaining", num(s.Left))
		h.Set(prefix+"Reset", reset(s))
		return ""
	}
}

func epochReset(s State) string { return epoch(s, s.Reset) }
func togo(s State) string       { return whole(s.Reset) }

// and tells a refusal's Retry-After beside.
func and(tell func(http.Header, State) string) func(http.Header, State) string {
	return func(h http.Header, s State) string {
		retryAfter(h, s)
		return tell(h, s)
	}
}

func retryAfter(h http.Header, s State) string {
	if !s.OK {
		h.Set("Retry-After", whole(s.Wait))
	}
	return ""
}

func nothing(http.Header, State) string { return "" }

// onRefusal tells something on a refusal alone.
func onRefusal(tell func(http.Header, State) string) func(http.Header, State) string {
	return func(h http.Header, s State) string {
		if s.OK {
			return ""
		}
		return tell(h, s)
	}
}

func said(body string) func(http.Header, State) string {
	return func(http.Header, State) string { return body }
}

// found is why more is refused in a run of some windows.
const found = "10 to 20 requests must be refused to find the length of the window to 1 %: after that, none is"

// Table is all rows.
var Table = []API{
	{Name: "GitHub, primary", Limit: "so many an hour, each resource its own",
		Sent: "x-ratelimit-limit, -remaining, -reset (epoch), -resource; 403", Kind: Window, N: 200, Per: 16 * second,
		Status: 403,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Ratelimit-Resource", "core")
			h.Set("X-Ratelimit-Used", num(s.Limit-s.Left))
			return three("X-Ratelimit-", epochReset)(h, s)
		}},
	{Name: "GitHub, secondary", Limit: "not told", Sent: "403 with Retry-After", Kind: Bucket, N: 40, Per: 3 * second,
		Status: 403, Untold: true, Tell: and(nothing)},
	{Name: "GitHub, secondary, without a header", Limit: "not told", Sent: "403, a text", Kind: Bucket, N: 40,
		Per: 3 * second, Status: 403, Untold: true,
		Tell:   said(`{"message":"You have exceeded a secondary rate limit."}`),
		Plugin: []reply.Refusal{{Status: 403, Text: "secondary rate limit"}}},
	{Name: "GitHub GraphQL", Limit: "points an hour", Sent: "x-ratelimit-*; 200 with RATE_LIMITED", Kind: Window,
		N: 800, Per: 16 * second, Cost: 4, Status: 200,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Ratelimit-Resource", "graphql")
			three("X-Ratelimit-", epochReset)(h, s)
			return `{"errors":[{"type":"RATE_LIMITED"}]}`
		}, Plugin: []reply.Refusal{{Status: 200, Text: "RATE_LIMITED"}}},
	{Name: "GitLab", Limit: "so many a minute",
		Sent: "RateLimit-Limit, -Observed, -Remaining, -Reset (epoch), -ResetTime, -Name; Retry-After", Kind: Window,
		N: 200, Per: 16 * second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("RateLimit-Observed", num(s.Limit-s.Left))
			h.Set("RateLimit-ResetTime", s.Now.Add(s.Reset).UTC().Format(http.TimeFormat))
			h.Set("RateLimit-Name", "throttle_authenticated_api")
			return three("RateLimit-", epochReset)(h, s)
		})},
	{Name: "Bitbucket Cloud", Limit: "so many an hour, rolling", Sent: "X-RateLimit-Limit, -Resource, -NearLimit",
		Kind: Bucket, N: 60, Per: 4 * second, Untold: true,
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Resource", "repositories")
			h.Set("X-RateLimit-NearLimit", strconv.FormatBool(s.Left < s.Limit/5))
			return ""
		}},
	{Name: "Jira Cloud, burst", Limit: "a token bucket, each endpoint its own",
		Sent: "X-RateLimit-Limit, -Remaining; on a refusal Retry-After, X-RateLimit-Reset (ISO, to the minute), RateLimit-Reason", Kind: Bucket, N: 100, Per: 8 * second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Remaining", num(s.Left))
			if !s.OK {
				h.Set("X-RateLimit-Reset", s.Now.Add(s.Wait).UTC().Format("2006-01-02T15:04Z"))
				h.Set("RateLimit-Reason", "jira-burst-based")
			}
			return ""
		})},
	{Name: "Jira Cloud, points", Limit: "points an hour",
		Sent: `Beta-RateLimit: "tenant-app-quota";r=…;t=…, Beta-RateLimit-Policy`, Kind: Window, N: 600,
		Per: 16 * second, Cost: 3,
		Tell: and(func(h http.Header, s State) string {
			h.Set("Beta-RateLimit", fmt.Sprintf(`"tenant-app-quota";r=%d;t=%s`, s.Left, whole(s.Reset)))
			h.Set("Beta-RateLimit-Policy",
				fmt.Sprintf(`"tenant-app-quota";q=%d;w=%d`, s.Limit, int(s.Window.Seconds())))
			if !s.OK {
				h.Set("X-Beta-RateLimit-Reason", "jira-quota-tenant-based")
			}
			return ""
		})},
	{Name: "Jira, Confluence, Bitbucket Data Center", Limit: "a token bucket, filled at an interval",
		Sent: "X-RateLimit-Limit, -Remaining, -Interval-Seconds, -FillRate, retry-after (0 while there are tokens)",
		Kind: Bucket, N: 75, Per: 5 * second, Every: second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Remaining", num(s.Left))
			h.Set("X-RateLimit-FillRate", "15")
			h.Set("X-RateLimit-Interval-Seconds", "1")
			h.Set("Retry-After", "0")
			return retryAfter(h, s)
		}},
	{Name: "Jira Data Center, two a second", Limit: "a token bucket, filled at an interval",
		Sent: "the same",
		Kind: Bucket, N: 10, Per: 5 * second, Every: 5 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Remaining", num(s.Left))
			h.Set("X-RateLimit-FillRate", "10")
			h.Set("X-RateLimit-Interval-Seconds", "5")
			h.Set("Retry-After", "0")
			return retryAfter(h, s)
		}},
	{Name: "Slack", Limit: "so many a minute, each method its own", Sent: "Retry-After", Kind: Bucket, N: 20,
		Per: 2 * second, Untold: true, Tell: and(nothing)},
	{Name: "Slack, with 200", Limit: "so many a minute", Sent: `200, Retry-After, {"ok":false,"error":"ratelimited"}`,
		Kind: Bucket, N: 20, Per: 2 * second, Status: 200, Untold: true,
		Tell:   and(said(`{"ok":false,"error":"ratelimited"}`)),
		Plugin: []reply.Refusal{{Status: 200, Text: `"ratelimited"`}}},
	{Name: "Discord", Limit: "each route a bucket, and a limit of all",
		Sent: "X-RateLimit-Limit, -Remaining, -Reset (epoch with decimals), -Reset-After (decimals), -Bucket; Retry-After", Kind: Window, N: 30, Per: 2 * second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Remaining", num(s.Left))
			h.Set("X-RateLimit-Reset", fmt.Sprintf("%.3f", float64(s.Now.Add(s.Reset).UnixMilli())/1000))
			h.Set("X-RateLimit-Reset-After", decimal(s.Reset))
			h.Set("X-RateLimit-Bucket", "abcd1234")
			return ""
		})},
	{Name: "Reddit", Limit: "so many in ten minutes",
		Sent: `X-Ratelimit-Used, -Remaining ("594.0"), -Reset (seconds to go); no limit`, Kind: Window, N: 200,
		Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Ratelimit-Used", num(s.Limit-s.Left))
			h.Set("X-Ratelimit-Remaining", fmt.Sprintf("%d.0", s.Left))
			h.Set("X-Ratelimit-Reset", whole(s.Reset))
			return ""
		}},
	{Name: "Shopify REST", Limit: "a leaky bucket", Sent: "X-Shopify-Shop-Api-Call-Limit: 32/40; Retry-After: 2.0",
		Kind: Bucket, N: 40, Per: 4 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Shopify-Shop-Api-Call-Limit", fmt.Sprintf("%d/%d", s.Limit-s.Left, s.Limit))
			if !s.OK {
				h.Set("Retry-After", "2.0")
			}
			return ""
		}},
	{Name: "Shopify GraphQL", Limit: "points, restored a second",
		Sent: "200, extensions.cost.throttleStatus in the body, THROTTLED", Kind: Bucket, N: 1000, Per: 10 * second,
		Cost: 10, Status: 200,
		Tell: func(_ http.Header, s State) string {
			return throttleStatus(s, `"errors":[{"extensions":{"code":"THROTTLED"}}],`)
		},
		Bodies: func(s State) string { return throttleStatus(s, "") },
		Plugin: []reply.Refusal{{Status: 200, Text: "THROTTLED", Seconds: "extensions.cost.throttleStatus"},
			{Status: 200, Seconds: "extensions.cost.throttleStatus", Good: true}}},
	{Name: "Stripe", Limit: "so many a second", Sent: "Stripe-Rate-Limited-Reason", Kind: Bucket, N: 15, Per: second,
		Untold: true,
		Tell: onRefusal(func(h http.Header,
			_ State) string {
			h.Set("Stripe-Rate-Limited-Reason", "global-rate")
			return ""
		})},
	{Name: "HubSpot", Limit: "so many in ten seconds, rolling, and a day",
		Sent: "X-HubSpot-RateLimit-Max, -Remaining, -Interval-Milliseconds; -Daily, -Daily-Remaining", Kind: Sliding,
		N: 100, Per: 10 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-HubSpot-RateLimit-Max", num(s.Limit))
			h.Set("X-HubSpot-RateLimit-Remaining", num(s.Left))
			h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", millis(s.Window))
			h.Set("X-HubSpot-RateLimit-Daily", "250000")
			h.Set("X-HubSpot-RateLimit-Daily-Remaining", "249000")
			return ""
		}},
	{Name: "Zendesk", Limit: "so many a minute",
		Sent: "X-Rate-Limit, X-Rate-Limit-Remaining, ratelimit-limit, -remaining, -reset; zendesk-ratelimit-…: total=…; remaining=…; resets=…; Retry-After", Kind: Window, N: 200, Per: 16 * second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-Rate-Limit", num(s.Limit))
			h.Set("X-Rate-Limit-Remaining", num(s.Left))
			h.Set("Zendesk-Ratelimit-Tickets-Index", "total=1000; remaining=990; resets=41")
			return three("Ratelimit-", togo)(h, s)
		})},
	{Name: "Salesforce", Limit: "so many in a day, rolling",
		Sent: "Sforce-Limit-Info: api-usage=18/5000; 403 REQUEST_LIMIT_EXCEEDED", Kind: Bucket, N: 600,
		Per: 40 * second, Status: 403,
		Tell: func(h http.Header, s State) string {
			h.Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", s.Limit-s.Left, s.Limit))
			return `[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]`
		}, Plugin: []reply.Refusal{{Status: 403, Text: "REQUEST_LIMIT_EXCEEDED"}}},
	{Name: "Notion", Limit: "a budget a minute", Sent: "Retry-After", Kind: Window, N: 200, Per: 16 * second,
		Untold: true, Tell: and(nothing)},
	{Name: "Notion, overload", Limit: "not told", Sent: "529 with Retry-After", Kind: Bucket, N: 30, Per: 2 * second,
		Status: 529, Untold: true, Tell: and(nothing)},
	{Name: "Airtable", Limit: "so many a second; after a refusal nothing for half a minute", Sent: "nothing", Used: 87,
		Why: "of 60.3 s: a refusal costs 5 s, and 97 % of the rate is kept: 60.3 / (62.2 + 5) is 90 %", Kind: Bucket,
		N: 15, Per: second, Hold: 5 * second, Untold: true, Tell: nothing,
		Plugin: []reply.Refusal{{Status: 429, Pause: 5 * second}}},
	{Name: "Asana", Limit: "so many a minute", Sent: "Retry-After", Kind: Bucket, N: 30, Per: 2 * second, Untold: true,
		Tell: and(nothing)},
	{Name: "Trello", Limit: "so many in ten seconds", Sent: "x-rate-limit-api-token-interval-ms, -max, -remaining",
		Used: 94, Why: "as Docker Hub: 66.7 / (66.7 + 10/3) is 95.3 %", Kind: Window, N: 100, Per: 10 * second,
		Tell: func(h http.Header, s State) string {
			for _, of := range []string{"Token", "Key"} {
				h.Set("X-Rate-Limit-Api-"+of+"-Interval-Ms", millis(s.Window))
				h.Set("X-Rate-Limit-Api-"+of+"-Max", num(s.Limit))
				h.Set("X-Rate-Limit-Api-"+of+"-Remaining", num(s.Left))
			}
			return ""
		}},
	{Name: "Linear", Limit: "requests and complexity an hour",
		Sent: "X-RateLimit-Requests-Limit, -Remaining, -Reset (epoch ms), X-RateLimit-Complexity-*, X-Complexity; 400",
		Kind: Window,
		N:    200, Per: 16 * second, Status: 400,
		Tell: func(h http.Header, s State) string {
			ms := strconv.FormatInt(s.Now.Add(s.Reset).UnixMilli(), 10)
			for name, factor := range map[string]int{"Requests": 1, "Complexity": 50} {
				h.Set("X-RateLimit-"+name+"-Limit", num(factor*s.Limit))
				h.Set("X-RateLimit-"+name+"-Remaining", num(factor*s.Left))
				h.Set("X-RateLimit-"+name+"-Reset", ms)
			}
			h.Set("X-Complexity", "50")
			return `{"errors":[{"extensions":{"code":"RATELIMITED"}}]}`
		}},
	{Name: "Intercom", Limit: "so many a minute, dealt out every ten seconds",
		Sent: "X-RateLimit-Limit, -Remaining, -Reset (epoch)", Kind: Window, N: 150, Per: 10 * second,
		Tell: three("X-RateLimit-", epochReset)},
	{Name: "Okta", Limit: "so many a minute, each group of endpoints its own",
		Sent: "X-Rate-Limit-Limit, -Remaining, -Reset (epoch)", Kind: Window, N: 300, Per: minute,
		Tell: three("X-Rate-Limit-", epochReset)},
	{Name: "Okta, under way", Limit: "so many at once", Sent: "429 with X-Rate-Limit-Limit: 0 and -Remaining: 0",
		Kind: Crowd, N: 5,
		Tell: onRefusal(func(h http.Header, s State) string {
			h.Set("X-Rate-Limit-Limit", "0")
			h.Set("X-Rate-Limit-Remaining", "0")
			h.Set("X-Rate-Limit-Reset", epoch(s, second))
			return ""
		}), Untold: true},
	{Name: "Auth0", Limit: "a token bucket", Sent: "x-ratelimit-limit, -remaining, -reset (epoch, when it is full)",
		Kind: Bucket, N: 100, Per: 8 * second, Tell: three("X-Ratelimit-", epochReset)},
	{Name: "X, Twitter", Limit: "so many in 15 minutes, each endpoint its own",
		Sent: "x-rate-limit-limit, -remaining, -reset (epoch); 420 of old", Kind: Window, N: 200, Per: 16 * second,
		Status: 420, Tell: three("X-Rate-Limit-", epochReset)},
	{Name: "LinkedIn", Limit: "so many a day, not told", Sent: "nothing", Kind: Bucket, N: 40, Per: 3 * second,
		Untold: true, Tell: nothing},
	{Name: "Twitch", Limit: "a token bucket of points",
		Sent: "Ratelimit-Limit, -Remaining, -Reset (epoch, when it is full)", Kind: Bucket, N: 200, Per: 16 * second,
		Tell: three("Ratelimit-", epochReset)},
	{Name: "Spotify", Limit: "rolling, 30 s", Sent: "Retry-After", Kind: Sliding, N: 100, Per: 8 * second, Untold: true,
		Tell: and(nothing)},
	{Name: "Stack Exchange", Limit: "so many a second",
		Sent: `400 throttle_violation, "available in N seconds"; "backoff" in good replies`, Kind: Bucket, N: 30,
		Per: 2 * second, Status: 400, Untold: true,
		Tell: func(_ http.Header, s State) string {
			return fmt.Sprintf(`{"error_id":502,"error_name":"throttle_violation","error_message":"too many requests, more requests available in %s seconds"}`, whole(s.Wait))
		},
		Bodies: func(State) string { return `{"items":[1],"quota_max":10000,"quota_remaining":9000}` },
		Plugin: []reply.Refusal{{Status: 400, Text: "throttle_violation", Seconds: "error_message"},
			{Status: 200, Seconds: "backoff", Good: true}}},
	{Name: "MediaWiki, maxlag", Limit: "by the lag of the replicas",
		Sent: "200, MediaWiki-API-Error: maxlag, Retry-After", Kind: Bucket, N: 30, Per: 2 * second, Status: 200,
		Untold: true,
		Tell: onRefusal(and(func(h http.Header, _ State) string {
			h.Set("MediaWiki-API-Error", "maxlag")
			h.Set("X-Database-Lag", "7")
			return `{"error":{"code":"maxlag"}}`
		})), Plugin: []reply.Refusal{{Header: "MediaWiki-API-Error: maxlag"}}},
	{Name: "api.data.gov, NASA, NREL", Limit: "so many an hour, rolling", Sent: "X-RateLimit-Limit, -Remaining",
		Used: 75, Refused: 6, Known: 8, Why: "nothing says how long the window is: of four windows the first two end with pauses that double, and so end up to 8 s late: 64 / (64 + 16) is 80 %; what comes back then looks like a bucket that fills, of which up to 8 % of the second half is refused", Kind: Sliding, N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Remaining", num(s.Left))
			return `{"error":{"code":"OVER_RATE_LIMIT"}}`
		}, Untold: true},
	{Name: "Hugging Face", Limit: "so many in five minutes, each kind of resource its own",
		Sent: `RateLimit: "api";r=489;t=189, RateLimit-Policy: "fixed window";"api";q=500;w=300`, Kind: Window, N: 200,
		Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("RateLimit", fmt.Sprintf(`"api";r=%d;t=%s`, s.Left, whole(s.Reset)))
			h.Set("RateLimit-Policy", fmt.Sprintf(`"fixed window";"api";q=%d;w=%d`, s.Limit, int(s.Window.Seconds())))
			return ""
		}},
	{Name: "Cloudflare API", Limit: "so many in five minutes; then nothing for as long",
		Sent: `Ratelimit: "default";r=50;t=30, Ratelimit-Policy: "burst";q=100;w=60; retry-after`, Kind: Window, N: 200,
		Per: 16 * second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("Ratelimit", fmt.Sprintf(`"default";r=%d;t=%s`, s.Left, whole(s.Reset)))
			h.Set("Ratelimit-Policy", fmt.Sprintf(`"burst";q=%d;w=%d`, s.Limit, int(s.Window.Seconds())))
			return ""
		})},
	{Name: "AWS, JSON", Limit: "a token bucket", Sent: "400 ThrottlingException", Kind: Bucket, N: 24, Per: 2 * second,
		Status: 400, Untold: true, Tell: said(`{"__type":"ThrottlingException"}`),
		Plugin: []reply.Refusal{{Status: 400, Text: "ThrottlingException"},
			{Status: 400, Text: "ProvisionedThroughputExceededException"}}},
	{Name: "AWS S3", Limit: "not told", Sent: "503 SlowDown", Kind: Bucket, N: 15, Per: second, Status: 503,
		Untold: true, Tell: said("<Error><Code>SlowDown</Code></Error>")},
	{Name: "AWS API Gateway", Limit: "a token bucket", Sent: "429", Kind: Bucket, N: 15, Per: second, Untold: true,
		Tell: nothing},
	{Name: "Azure ARM", Limit: "a token bucket",
		Sent: "x-ms-ratelimit-remaining-subscription-reads, -remaining-resource: NAME;197,NAME;1297; Retry-After",
		Kind: Bucket, N: 100, Per: 8 * second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-Ms-Ratelimit-Remaining-Subscription-Reads", num(s.Left))
			h.Set("X-Ms-Ratelimit-Remaining-Resource",
				"Microsoft.Compute/GetVMScaleSet3Min;197,Microsoft.Compute/GetVMScaleSet30Min;1297")
			return ""
		})},
	{Name: "Azure Cosmos DB", Limit: "request units a second", Sent: "x-ms-retry-after-ms", Kind: Bucket, N: 15,
		Per: second, Untold: true,
		Tell: onRefusal(func(h http.Header,
			s State) string {
			h.Set("X-Ms-Retry-After-Ms", millis(s.Wait+1))
			return ""
		})},
	{Name: "Google", Limit: "so many in 100 seconds, each user", Sent: "403 rateLimitExceeded", Kind: Bucket, N: 40,
		Per: 3 * second, Status: 403, Untold: true,
		Tell:   said(`{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}`),
		Plugin: []reply.Refusal{{Status: 403, Text: "ateLimitExceeded"}}},
	{Name: "OpenAI", Limit: "requests and tokens a minute, buckets",
		Sent: "x-ratelimit-limit-requests, -remaining-requests, -reset-requests (1s, 6m0s), and -tokens alike; retry-after-ms", Kind: Bucket, N: 100, Per: 8 * second,
		Tell: func(h http.Header, s State) string {
			for unit, factor := range map[string]int{"requests": 1, "tokens": 400} {
				h.Set("X-Ratelimit-Limit-"+unit, num(factor*s.Limit))
				h.Set("X-Ratelimit-Remaining-"+unit, num(factor*s.Left))
				h.Set("X-Ratelimit-Reset-"+unit, s.Reset.Round(time.Millisecond).String())
			}
			if !s.OK {
				h.Set("Retry-After-Ms", millis(s.Wait+1))
				h.Set("Retry-After", whole(s.Wait))
			}
			return ""
		}},
	{Name: "Anthropic", Limit: "requests and tokens a minute, buckets",
		Sent: "anthropic-ratelimit-requests-limit, -remaining, -reset (RFC 3339), -tokens-* alike; retry-after",
		Kind: Bucket, N: 100, Per: 8 * second,
		Tell: and(func(h http.Header, s State) string {
			return three("Anthropic-Ratelimit-Requests-",
				func(s State) string { return s.Now.Add(s.Reset).UTC().Format(time.RFC3339) })(h, s)
		})},
	{Name: "Sentry", Limit: "so many in a window, and so many at once",
		Sent: "X-Sentry-Rate-Limit-Limit, -Remaining, -Reset (epoch), -ConcurrentLimit, -ConcurrentRemaining",
		Kind: Window, N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Sentry-Rate-Limit-ConcurrentLimit", "25")
			h.Set("X-Sentry-Rate-Limit-ConcurrentRemaining", "20")
			return three("X-Sentry-Rate-Limit-", epochReset)(h, s)
		}},
	{Name: "Xero", Limit: "so many a minute, and a day",
		Sent: "X-MinLimit-Remaining, X-DayLimit-Remaining, X-AppMinLimit-Remaining; Retry-After", Kind: Sliding, N: 60,
		Per: minute,
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-MinLimit-Remaining", num(s.Left))
			h.Set("X-DayLimit-Remaining", "4000")
			h.Set("X-AppMinLimit-Remaining", "9000")
			if !s.OK {
				h.Set("X-Rate-Limit-Problem", "minute")
			}
			return ""
		})},
	{Name: "Riot", Limit: "so many in each of several windows, each method its own beside",
		Sent: "X-App-Rate-Limit: 20:1,100:120, X-App-Rate-Limit-Count: 1:1,40:120, X-Rate-Limit-Type; Retry-After",
		Kind: Window, N: 100, Per: 16 * second, Also: &Second{30, second}, Used: 90,
		Why: "no reset is told, and nothing says that the first window began a third before: 60.7 / (60.7 + 16/3) is 91.9 %",
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-App-Rate-Limit", fmt.Sprintf("%d:%s,%d:%s", s.AlsoLimit, whole(s.AlsoWindow), s.Limit,
				whole(s.Window)))
			h.Set("X-App-Rate-Limit-Count", fmt.Sprintf("%d:%s,%d:%s", s.AlsoLimit-s.AlsoLeft, whole(s.AlsoWindow),
				s.Limit-s.Left, whole(s.Window)))
			if !s.OK {
				h.Set("X-Rate-Limit-Type", "application")
			}
			return ""
		})},
	{Name: "Mashery", Limit: "so many a second, and a day",
		Sent: "X-Plan-QPS-Allotted, -Current, X-Plan-Quota-Allotted, -Current, -Reset (a date of the United States); 403, X-Mashery-Error-Code: ERR_403_DEVELOPER_OVER_QPS",
		Kind: Window, N: 15, Per: second, Status: 403,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Plan-QPS-Allotted", num(s.Limit))
			h.Set("X-Plan-QPS-Current", num(s.Limit-s.Left))
			h.Set("X-Plan-Quota-Allotted", "50000")
			h.Set("X-Plan-Quota-Current", "1200")
			h.Set("X-Plan-Quota-Reset", s.Now.Add(20*time.Hour).UTC().Format("Monday, January 2, 2006 3:04:05 PM MST"))
			if !s.OK {
				h.Set("X-Mashery-Error-Code", "ERR_403_DEVELOPER_OVER_QPS")
				return "<h1>Developer Over Qps</h1>"
			}
			return ""
		}},
	{Name: "a size in words", Limit: "so many in a window, as many libraries tell it",
		Sent: "X-RateLimit-Limit: 60 per 1 minute, -Remaining, -Reset (epoch)", Kind: Window, N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			three("X-RateLimit-", epochReset)(h, s)
			h.Set("X-RateLimit-Limit", fmt.Sprintf("%d per %s seconds", s.Limit, whole(s.Window)))
			return ""
		}},
	{Name: "Xendit", Limit: "so many a minute, each endpoint its own",
		Sent: "Rate-Limit-Limit, -Remaining, -Reset (seconds with decimals)", Kind: Window, N: 200, Per: 16 * second,
		Tell: three("Rate-Limit-", func(s State) string { return decimal(s.Reset + time.Millisecond) })},
	{Name: "Akamai", Limit: "so many a minute", Sent: "X-RateLimit-Limit, -Remaining, X-RateLimit-Next (ISO)",
		Kind: Window, N: 120, Per: 8 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", num(s.Limit))
			h.Set("X-RateLimit-Remaining", num(s.Left))
			if s.Left == 0 || !s.OK {
				h.Set("X-RateLimit-Next", s.Now.Add(s.Wait+time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z"))
			}
			return ""
		}},
	{Name: "Brave Search", Limit: "so many a second, and a month",
		Sent: "X-RateLimit-Limit, -Policy, -Remaining, -Reset: lists, one member a window", Kind: Window, N: 20,
		Per: second, Also: &Second{15000, 30 * 24 * time.Hour},
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", fmt.Sprintf("%d, %d", s.Limit, s.AlsoLimit))
			h.Set("X-RateLimit-Policy", fmt.Sprintf("%d;w=%d, %d;w=%d", s.Limit, int(s.Window.Seconds()), s.AlsoLimit,
				int(s.AlsoWindow.Seconds())))
			h.Set("X-RateLimit-Remaining", fmt.Sprintf("%d, %d", s.Left, s.AlsoLeft))
			h.Set("X-RateLimit-Reset", whole(s.Reset)+", "+whole(s.AlsoReset))
			return ""
		}},
	{Name: "Docker Hub", Limit: "so many in six hours",
		Sent: "ratelimit-limit: 100;w=21600, ratelimit-remaining: 76;w=21600", Used: 93,
		Why:  "nothing says that the first window of 16 s began a third before: 74.7 / (74.7 + 16/3) is 93.3 %",
		Kind: Window, N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("Ratelimit-Limit", fmt.Sprintf("%d;w=%d", s.Limit, int(s.Window.Seconds())))
			h.Set("Ratelimit-Remaining", fmt.Sprintf("%d;w=%d", s.Left, int(s.Window.Seconds())))
			return ""
		}},
	{Name: "Novu", Limit: "so many in five seconds",
		Sent: `RateLimit-Limit, -Remaining, -Reset, RateLimit-Policy: 300;w=5;burst=330;comment="token bucket"`,
		Kind: Bucket, N: 75, Per: 5 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("RateLimit-Policy", fmt.Sprintf(
				`%d;w=5;burst=%d;comment="token bucket";category="trigger";cost="bulk"`, s.Limit, s.Limit))
			return three("RateLimit-", togo)(h, s)
		}},
	{Name: "Kong", Limit: "several windows",
		Sent: "X-RateLimit-Limit-Second, -Remaining-Second, -Minute …; RateLimit-*; Retry-After", Kind: Window, N: 15,
		Per: second,
		Tell: and(func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit-Second", num(s.Limit))
			h.Set("X-RateLimit-Remaining-Second", num(s.Left))
			return three("RateLimit-", togo)(h, s)
		})},
	{Name: "Spring Cloud Gateway", Limit: "a token bucket",
		Sent: "X-RateLimit-Remaining, -Burst-Capacity, -Replenish-Rate, -Requested-Tokens", Kind: Bucket, N: 60,
		Per: 2 * second, Cost: 2,
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Remaining", num(s.Left))
			h.Set("X-RateLimit-Burst-Capacity", num(s.Limit))
			h.Set("X-RateLimit-Replenish-Rate", fmt.Sprintf("%.0f", s.Fill))
			h.Set("X-RateLimit-Requested-Tokens", num(s.Costs))
			return ""
		}},
	{Name: "Crossref", Limit: "so many a second", Sent: "x-rate-limit-limit: 50, x-rate-limit-interval: 1s",
		Kind: Window, N: 20, Per: second,
		Tell: func(h http.Header, s State) string {
			h.Set("X-Rate-Limit-Limit", num(s.Limit))
			h.Set("X-Rate-Limit-Interval", "1s")
			return ""
		}, Untold: true},
	{Name: "MusicBrainz", Limit: "so many a second", Sent: "503, Retry-After, X-RateLimit-* of a global limit",
		Used: 94, Why: "as lemlist", Kind: Window, N: 30, Per: 2 * second, Status: 503,
		Tell: and(three("X-RateLimit-", epochReset))},
	{Name: "lemlist", Limit: "so many in two seconds",
		Sent: "Retry-After with every reply, X-RateLimit-Reset: JavaScript's date", Used: 94,
		Why: "the ends of windows of two seconds are told by two clocks of whole seconds: until two are over each may last three, and then 97 % are used", Kind: Window, N: 30, Per: 2 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("Retry-After", "2")
			return three("X-RateLimit-", func(s State) string {
				return s.Now.Add(s.Reset+999*time.Millisecond).UTC().Add(time.Hour).Format("Mon Jan 02 2006 15:04:05") +
					" GMT+0100 (Central European Standard Time)"
			})(h, s)
		}},
	{Name: "Prisjakt", Limit: "so many an hour", Sent: "X-Rate-Limit-Reset: milliseconds to go", Kind: Window, N: 200,
		Per: 16 * second, Tell: three("X-Rate-Limit-",
			func(s State) string { return millis(s.Reset + time.Millisecond) })},
	{Name: "MailerLite", Limit: "so many a minute, each endpoint its own",
		Sent: "X-RateLimit-Reset: a date and time, X-RateLimit-Retry-After", Kind: Window, N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			if !s.OK {
				h.Set("X-RateLimit-Retry-After", whole(s.Wait))
			}
			return three("X-RateLimit-",
				func(s State) string { return s.Now.Add(s.Reset + 999*time.Millisecond).UTC().Format(time.DateTime) })(
				h, s)
		}},
	{Name: "Attio", Limit: "so many a second", Sent: "Retry-After: an HTTP date", Used: 87,
		Why: "97 % of the rate is kept, and each of the three refusals that find it costs up to two seconds, for its date is in whole ones: 60.7 / (62.6 + 6) is 88 %", Kind: Window, N: 20, Per: second, Untold: true,
		Tell: onRefusal(func(h http.Header, s State) string {
			h.Set("Retry-After", s.Now.Add(s.Wait+999*time.Millisecond).UTC().Format(http.TimeFormat))
			return ""
		})},
	{Name: "Foursquare", Limit: "so many an hour, each group of endpoints its own",
		Sent: "403, empty, X-RateLimit-Limit, -Remaining, -Reset (epoch)", Kind: Window, N: 200, Per: 16 * second,
		Status: 403, Tell: three("X-RateLimit-", epochReset)},
	{Name: "pyannote, Xentral", Limit: "so many a minute", Sent: "X-RateLimit-Reset and Retry-After on a refusal alone",
		Kind: Window, N: 200, Per: 16 * second, Untold: true,
		Tell: onRefusal(and(three("X-RateLimit-", togo)))},
	{Name: "nginx limit_req", Limit: "a leaky bucket, not told", Sent: "503", Kind: Bucket, N: 15, Per: second,
		Status: 503, Untold: true, Tell: nothing},
	{Name: "nginx limit_req without burst", Limit: "one request each half second, not told", Sent: "503",
		Kind: Bucket, N: 1, Per: 500 * time.Millisecond, Status: 503, Used: 80, Refused: 6, Untold: true, Tell: nothing,
		Why: "two 503s in turn with replies tell that they are refusals; some 5 of 120 requests find the rate, at half " +
			"a second or more each"},
	{Name: "503 that asks for a pause", Limit: "a bucket, not told", Sent: "503 with Retry-After",
		Refused: 4, Why: "a second 503 within a minute and a half tells that the first was a refusal; 11 to 20 come before that",
		Kind: Bucket, N: 15, Per: second, Status: 503, Untold: true, Tell: and(nothing)},
	{Name: "bandwidth", Limit: "a bucket, not told", Sent: "509", Kind: Bucket, N: 15, Per: second, Status: 509,
		Untold: true, Tell: nothing},
	{Name: "draft 03", Limit: "so many in a window",
		Sent: "RateLimit-Limit: 100, 100;w=60, -Remaining, -Reset (seconds to go)", Kind: Window, N: 200,
		Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			three("RateLimit-", togo)(h, s)
			h.Set("RateLimit-Limit", fmt.Sprintf("%d, %d;w=%d", s.Limit, s.Limit, int(s.Window.Seconds())))
			return ""
		}},
	{Name: "draft 04 to 06", Limit: "so many in a window", Sent: "the same three, RateLimit-Policy: 100;w=60",
		Kind: Window, N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("RateLimit-Policy", fmt.Sprintf("%d;w=%d", s.Limit, int(s.Window.Seconds())))
			return three("RateLimit-", togo)(h, s)
		}},
	{Name: "draft 07", Limit: "so many in a window", Sent: "RateLimit: limit=100, remaining=50, reset=5", Kind: Window,
		N: 200, Per: 16 * second,
		Tell: func(h http.Header, s State) string {
			h.Set("RateLimit", fmt.Sprintf("limit=%d, remaining=%d, reset=%s", s.Limit, s.Left, whole(s.Reset)))
			return ""
		}},
	{Name: "draft 08 to 11", Limit: "several, by name",
		Sent: `RateLimit-Policy: "burst";q=100;w=60, RateLimit: "burst";r=50;t=30`, Kind: Window, N: 20, Per: second,
		Also: &Second{250, 16 * second},
		Tell: func(h http.Header, s State) string {
			h.Set("RateLimit-Policy", fmt.Sprintf(`"burst";q=%d;w=%d, "window";q=%d;w=%d`, s.Limit,
				int(s.Window.Seconds()), s.AlsoLimit, int(s.AlsoWindow.Seconds())))
			h.Set("RateLimit", fmt.Sprintf(`"burst";r=%d;t=%s, "window";r=%d;t=%s`, s.Left, whole(s.Reset), s.AlsoLeft,
				whole(s.AlsoReset)))
			return ""
		}},
	{Name: "no Date, a slow clock", Limit: "so many in a window",
		Sent: "X-RateLimit-* (epoch), no Date, 30 s behind", Kind: Window, N: 200, Per: 16 * second, NoDate: true,
		Skew: -30 * second, InPause: 1,
		Why: "the first reset lies in the past, and only the second window shows how far the clock is behind: " +
			"one request comes in the first pause, as its length has to be found",
		Tell: three("X-RateLimit-", epochReset)},
	{Name: "60 a minute", Limit: "so many a minute", Sent: "429", Kind: Window, N: 60, Per: minute,
		For: 8 * minute, Refused: 4, Why: found, Untold: true, Tell: nothing},
	{Name: "100 in a rolling minute", Limit: "so many a minute, rolling", Sent: "429", Kind: Sliding, N: 100,
		Per: minute, For: 8 * minute, Untold: true, Tell: nothing},
	{Name: "300 in five minutes", Limit: "so many in five minutes", Sent: "429", Kind: Window, N: 300,
		Per: 5 * minute, For: 40 * minute, Untold: true, Tell: nothing},
	{Name: "10 in ten seconds", Limit: "so many in ten seconds", Sent: "429", Kind: Window, N: 10,
		Per: 10 * second, For: 6 * minute, Refused: 4.5, Why: found, Untold: true, Tell: nothing},
	{Name: "10 in rolling ten seconds", Limit: "so many in ten seconds, rolling", Sent: "429", Kind: Sliding, N: 10,
		Per: 10 * second, For: 6 * minute, Refused: 4.5, Why: found, Untold: true, Tell: nothing},
	{Name: "100 in ten seconds", Limit: "so many in ten seconds", Sent: "429", Kind: Window, N: 100,
		Per: 10 * second, For: 2 * minute, Untold: true, Tell: nothing},
	{Name: "Airtable, as it is", Limit: "five a second; after a refusal nothing for half a minute", Sent: "nothing",
		Kind: Bucket, N: 5, Per: second, Hold: 30 * second, For: 60 * minute, Untold: true, Tell: nothing,
		Plugin: []reply.Refusal{{Status: 429, Pause: 30 * second}}},
	{Name: "Airtable, by windows", Limit: "five a second; after a refusal nothing for half a minute", Sent: "nothing",
		Kind: Window, N: 5, Per: second, Hold: 30 * second, For: 60 * minute, Untold: true, Tell: nothing,
		Plugin: []reply.Refusal{{Status: 429, Pause: 30 * second}}},
	{Name: "Airtable, unknown to the plugin", Limit: "five a second; after a refusal nothing for half a minute",
		Sent: "nothing", Used: 90, Why: "nothing states the 30 s, so a first guess after half a second is refused too, and the second is from 5 s only: 92 % of the rate", Kind: Bucket, N: 5, Per: second, Hold: 30 * second, For: 60 * minute,
		Untold: true, Tell: nothing},
	{Name: "Brave Search, free", Limit: "one a second, and a month",
		Sent: "the same",
		Kind: Window, N: 1, Per: second, Also: &Second{15000, 30 * 24 * time.Hour},
		Tell: func(h http.Header, s State) string {
			h.Set("X-RateLimit-Limit", fmt.Sprintf("%d, %d", s.Limit, s.AlsoLimit))
			h.Set("X-RateLimit-Policy", fmt.Sprintf("%d;w=%d, %d;w=%d", s.Limit, int(s.Window.Seconds()), s.AlsoLimit,
				int(s.AlsoWindow.Seconds())))
			h.Set("X-RateLimit-Remaining", fmt.Sprintf("%d, %d", s.Left, s.AlsoLeft))
			h.Set("X-RateLimit-Reset", whole(s.Reset)+", "+whole(s.AlsoReset))
			return ""
		}},
	{Name: "requests under way, 429", Limit: "so many at once", Sent: "429", Kind: Crowd, N: 5, Untold: true,
		Tell: nothing},
	{Name: "requests under way, 503", Limit: "so many at once", Sent: "503", Kind: Crowd, N: 5, Status: 503,
		Untold: true, Tell: nothing},
}

func throttleStatus(s State, before string) string {
	return fmt.Sprintf(`{%s"data":{},"extensions":{"cost":{"requestedQueryCost":%d,"throttleStatus":{"maximumAvailable":%d,"currentlyAvailable":%d,"restoreRate":%g}}}}`,
		before, s.Costs, s.Limit, s.Left, s.Fill)
}
