// Package fetch is the host's HTTP client. Every request of a plugin goes through a
// [http.RoundTripper] that [Client.For] makes for the plugin from decorators, outermost first:
//
//	redacted             removes secrets from errors
//	recording.Record     records the exchange, if enabled; a replay answers from a recording instead
//	allow.Allow          permits only allowed hosts, and only headers that a plugin may set
//	cached               stores replies on disk, if enabled: see package cache
//	robotstxt.Obey       obeys robots.txt, if enabled
//	retry.Retry          retries temporary failures, if that is safe: see the table in package fault
//	auth Ready           obtains credentials
//	ratelimit.Paced      limits concurrency and rate for each host, and keeps pauses: see package pace
//	ratelimit.Guarded    circuit breaker: while a host is down, admits only probes, see package breaker
//	ratelimit.Weighed    reads the limits that a reply states, and refusals: see package limits
//	ratelimit.Metered    counts
//	auth Sign            adds the credentials, late because a signature is valid for minutes
//	cookies.Keep         stores cookies, if enabled
//	body.Whole           reads and decodes the complete body
//	wire.Timed           ends an attempt without progress
//	wire.Traced          explains what net/http does, on request
//	wire.Paired          refuses a reply to another request
//	wire                 net/http, with a dialler that checks every address
//
// Each attempt of a retried request passes everything below retry. What is known of a host (limits,
// pace, counts, connections) is shared by all plugins of the process.
//
// Redirects are not followed here: a redirect is a reply, and the next request is checked like any
// other. Bodies are never parsed, except to recognise refusals, which may be HTML.
package fetch
