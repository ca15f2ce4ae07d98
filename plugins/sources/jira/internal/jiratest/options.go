// Options of the server, for tests and the demo.

package jiratest

import "time"

// Flavour is one of the two Jira products.
type Flavour int

// The two flavours.
const (
	DataCenter Flavour = iota // REST v2, startAt paging, wiki markup
	Cloud                     // REST v3 and v2, nextPageToken paging, Atlassian documents in v3
)

// String returns the deploymentType that serverInfo reports.
func (f Flavour) String() string {
	if f == Cloud {
		return "Cloud"
	}
	return "Server"
}

// Options configures a Server. The zero value is a Data Center server that anyone may read, without
// limits and faults.
type Options struct {
	Flavour  Flavour
	Seed     uint64           // of synthetic issues, the order of ties, and faults
	BasePath string           // path before /rest, "" or for example "/jira"
	Now      func() time.Time // clock of changes, tokens and limits; nil means time.Now

	// MaxResults caps a search page whatever the caller requests. 0 means the product's own limit:
	// 100 on Data Center; on Cloud 5000 for ids, else 100.
	MaxResults int
	// TimeZone is that of the calling account: JQL dates are read in it and times are written in
	// it. nil means UTC.
	TimeZone *time.Location
	// JQLPrecision is the precision of created and updated in JQL, for example
	// time.Second or time.Minute. 0 compares to the millisecond.
	JQLPrecision time.Duration
	// Window is the Data Center result window: startAt+maxResults beyond it
	// answers 500 "Search limit exceeded". 0 means none.
	Window int
	// IndexLag is how long the index lags behind: a search chooses and orders issues by their
	// indexed state, and shows their current state.
	IndexLag time.Duration
	// TokenLife is the lifetime of a nextPageToken. 0 means seven days.
	TokenLife time.Duration

	// CommentPage is the default page of /issue/{key}/comment on Data Center. 0 means all of them,
	// as real servers do; the documentation says 50.
	CommentPage int
	// EmbeddedComments truncates the comment list inside an issue to the newest n, with the true
	// total. 0 means complete on Data Center and 100 on Cloud.
	EmbeddedComments int

	// FeedPage is the length of a page of the worklog feeds. 0 means 1000.
	FeedPage int

	// ListPage caps a page of the lists of the site. 0 means the product's own limits.
	ListPage int

	Limit   *Limit // nil means no rate limit
	Faults  Faults
	Auth    Auth
	Quirks  Quirks
	Latency time.Duration // added to each reply
}

// Auth says who may read. With the zero value, the anonymous caller sees everything, no credentials
// are known, and a caller that sends some gets 401.
type Auth struct {
	Basic       map[string]string // user name or e-mail to password or API token
	Bearer      map[string]string // token to user name
	NoAdmin     bool              // no account is an administrator
	NoAnonymous bool              // the anonymous caller sees no project
	// SilentFailure treats unknown credentials as the anonymous caller, so that an expired token
	// gets 200 and an empty list, as observed on Cloud.
	SilentFailure bool
}

// LimitForm is the shape of a 429.
type LimitForm int

// The forms of servers and of the proxies before them.
const (
	RetryAfterSeconds LimitForm = iota // Retry-After in seconds, JSON body
	RetryAfterDate                     // Retry-After as an HTTP date, JSON body
	RetryAfterAbsent                   // no hint at all, JSON body
	HTMLBody                           // Tomcat's HTML page, no hint
	DataCenterHeaders                  // X-RateLimit-* on every reply, retry-after, HTML body
	CloudHeaders                       // X-RateLimit-* with an ISO reset time on every reply, Retry-After, JSON body
	RetryAfterZero                     // Retry-After: 0 though the limit holds, JSON body
	// on a 429 the ISO reset times of Cloud and its quota headers, no Retry-After, JSON body
	ResetOnly
)

// Limit is one token bucket for all callers.
type Limit struct {
	PerSecond float64
	Burst     int // 0 means 1
	Form      LimitForm
}

// Faults is a seeded plan of failures. The shares (0 to 1) are those of the attempts that fail in
// each way; their sum should stay under 1. Whether attempt n of a request fails depends only on the
// seed, the request and n, never on timing.
type Faults struct {
	ServerErrors float64 // 500, 502, 503 or 504 with a JSON or an empty body
	HTMLErrors   float64 // 502 or 503 with the HTML page of a proxy
	Truncated    float64 // the body ends early, the connection breaks
	Resets       float64 // the connection is reset before a reply
	Slow         float64 // the reply comes after Delay
	Delay        time.Duration
	// MaxInARow bounds the consecutive failures of one request, so that a client that retries more
	// often always succeeds. 0 means 2.
	MaxInARow int
}
