// Package fetch is the host's HTTP. Every request of every plugin goes through one
// [http.RoundTripper] of its own, made by [Client.For] out of decorators, outermost first:
//
//	redacted             what leaves as an error tells no secret
//	recording.Record     the exchange goes to a file, if the run is recorded; a replay answers from one, and nothing below is there
//	allow.Allow          only the hosts that the pipeline file names, and only headers that are a plugin's to set
//	cached               replies kept on disk, if the pipeline file asks for it: see package cache
//	robotstxt.Obey       robots.txt, if the pipeline file asks to keep to it
//	retry.Retry          again after failures that pass, if the request may be sent twice: see the table in package fault
//	auth Ready           obtains credentials, for the hosts that they belong to
//	ratelimit.Paced      so many requests to one host at a time and a second, and none while it asks for a pause: see package pace
//	ratelimit.Guarded    the circuit breaker: notices a host that is down, of which Paced lets none but a probe go, see package breaker
//	ratelimit.Weighed    reads what a reply states of limits, and whether it is a refusal: see package limits
//	ratelimit.Metered    counts
//	auth Sign            puts the credentials in, as late as can be: a signature is good for minutes
//	cookies.Keep         a jar in the host, if the pipeline file asks for one
//	body.Whole           reads and decodes the body, so that nobody sees half a reply
//	wire.Timed           ends an attempt that makes no progress
//	wire.Traced          what net/http does, for a person who asks
//	wire.Paired          refuses a reply to somebody else
//	wire                 net/http, whose dialler looks at every address
//
// Each attempt of a retried request passes everything below retry. What is known of a host (limits,
// pace, counts, connections) is shared by all plugins of the process and keyed by that host.
//
// Redirects are not followed here: a redirect is a reply, and the next hop is a request that is
// checked like any other. Bodies are never parsed: a refusal may well come as HTML.
package fetch
