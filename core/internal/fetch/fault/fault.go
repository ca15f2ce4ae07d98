// Package fault decides for each outcome of an attempt whether a retry can help, and how to
// describe it. The table rules has the policy for each class of failure.
package fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
)

// Verdict says what to do about an outcome.
type Verdict int

// The verdicts.
const (
	Done      Verdict = iota // return the reply to the plugin
	Again                    // temporary: retry
	Throttled                // the host asks for a pause: retry after it
	Stop                     // give up now; it may work in a later run
	Never                    // cannot work
)

// Blame says how certainly a failure concerns the host as a whole. The circuit breaker counts by
// it.
type Blame int

// The blames, least certain first.
const (
	None    Blame = iota
	Perhaps       // may concern only this request
	Gateway       // reported by a gateway; concerns one request only after many failures
	Plainly
)

// Rule is the policy for a class of failures.
type Rule struct {
	Verdict   Verdict
	Tries     int // most attempts, including the first; 0: http.attempts
	Blame     Blame
	Permanent bool // class of the error after giving up
}

// rules is the policy. Between tries there is a backoff with full jitter, from 0.5 s doubling to 60
// s, and all retries count against the host's budget. A request that is not idempotent is sent
// again only if nothing of it was sent, as in the first rows. The plugin's own verdict on a reply
// (reply.Final, reply.Temporary) takes precedence.
//
// A refusal because of too many requests, with any status (see package pace), concerns the pace and
// is no failure: it counts neither as an attempt nor against the budget or the host, and has its
// own limit, http.max_wait.
var rules = map[string]Rule{
	//             verdict tries blame permanent
	"connect":     {Again, 0, Plainly, false}, // nothing of the request was sent
	"dns":         {Again, 0, Plainly, false}, // the lookup failed
	"name":        {Again, 2, Plainly, false}, // no such host
	"tls":         {Again, 3, Plainly, false}, // failed handshake
	"not tls":     {Again, 2, Plainly, true},
	"certificate": {Never, 1, None, true},
	"tls version": {Never, 1, None, true}, // no common allowed version
	"client tls":  {Never, 1, None, true}, // it wants another client certificate
	"proxy":       {Never, 1, None, true}, // it refuses the connection

	"timeout":   {Again, 0, Perhaps, false},
	"reset":     {Again, 0, Perhaps, false}, // or closed before the reply was complete
	"truncated": {Again, 0, Perhaps, false}, // the body is shorter than its length or encoding says
	"garbage":   {Again, 0, Perhaps, false}, // not HTTP
	// the body is not what Content-Encoding says, and nothing else that is known
	"encoding": {Again, 2, None, true},

	"408": {Again, 0, None, false},
	"425": {Again, 0, None, false},
	"429": {Throttled, 0, None, false},
	"501": {Done, 0, None, false}, // the request is at fault in spite of 5xx
	"505": {Done, 0, None, false},
	"502": {Again, 0, Gateway, false},
	"503": {Again, 0, Gateway, false},
	"5xx": {Again, 0, Perhaps, false},

	"temporary":      {Again, 0, None, false}, // by the plugin's verdict
	"limiter":        {Again, 0, None, false}, // the limiter itself failed, which may be remote
	"pause":          {Stop, 0, None, true},   // longer than http.max_wait
	"down":           {Stop, 0, None, false},  // the breaker is open
	"disk":           {Stop, 0, None, false},
	"credentials":    {Stop, 0, None, false}, // cannot be obtained now
	"no credentials": {Never, 1, None, true}, // cannot be obtained at all
	"address":        {Never, 1, None, true}, // an address that is never allowed
	"canceled":       {Stop, 0, None, false},
	"too large":      {Never, 1, None, true},
}

// Outcome is a verdict with the class that counts are kept by.
type Outcome struct {
	Verdict Verdict
	Cause   string
}

// Rule returns the policy for the outcome.
func (o Outcome) Rule() Rule {
	if o.Verdict == Throttled {
		return rules["429"]
	}
	if r, ok := rules[o.Cause]; ok {
		return r
	}
	if len(o.Cause) == 3 && o.Cause[0] == '5' {
		return rules["5xx"]
	}
	return Rule{Verdict: o.Verdict}
}

// Of returns the outcome for a class.
func Of(class string) Outcome {
	o := Outcome{Cause: class}
	o.Verdict = o.Rule().Verdict
	return o
}

// Error is a failed attempt, returned by the decorators below retry.
type Error struct {
	Outcome
	Unsent bool // nothing of the request reached the host
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Judge returns the outcome of a reply that is no refusal.
func Judge(resp *http.Response) Outcome {
	s := resp.StatusCode
	switch {
	case s == 408, s == 425, s == 429, s >= 500 && s <= 599:
		return Of(StatusCause(s))
	}
	return Outcome{Done, ""}
}

// JudgeError returns the outcome of an attempt without a reply.
func JudgeError(err error) Outcome {
	var known *Error
	var address *AddressError
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.As(err, &known) && known.Cause != "":
		return known.Outcome
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Of("canceled")
	case errors.As(err, &address):
		return Of("address")
	case isCertificate(err):
		return Of("certificate")
	case isNotTLS(err):
		return Of("not tls")
	case isLargeHead(err):
		return Of("too large")
	case isTLSVersion(err):
		return Of("tls version")
	case isClientTLS(err):
		return Of("client tls")
	case isAlert(err):
		return Of("tls")
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return Of("name")
		}
		return Of("dns")
	case errors.As(err, &netErr) && netErr.Timeout():
		return Of("timeout")
	case isDial(err):
		return Of("connect")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Of("truncated")
	case isGarbage(err):
		return Of("garbage")
	}
	return Of("reset")
}

func isCertificate(err error) bool {
	var a *tls.CertificateVerificationError
	var b x509.UnknownAuthorityError
	var c x509.HostnameError
	var d x509.CertificateInvalidError
	return errors.As(err, &a) || errors.As(err, &b) || errors.As(err, &c) || errors.As(err, &d)
}

func isNotTLS(err error) bool {
	var notTLS tls.RecordHeaderError
	return errors.As(err, &notTLS)
}

// isAlert reports whether one side refused the other's TLS.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}

// isTLSVersion matches crypto/tls's errors about the lack of a common version.
func isTLSVersion(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: ") && strings.Contains(text, "protocol version")
}

// isClientTLS reports whether the host's alert concerns the client certificate.
func isClientTLS(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" &&
		(strings.Contains(op.Err.Error(), "certificate") || strings.Contains(op.Err.Error(), "access denied"))
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// isGarbage matches net/http's errors about replies that are not HTTP, which have no type.
func isGarbage(err error) bool {
	text := err.Error()
	for _, mark := range []string{"malformed", "invalid", "bad ", "unsupported", "too many", "exceeded", "too large",
		"header list larger than"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// isLargeHead matches net/http's errors about too large headers, for HTTP/1 and HTTP/2.
func isLargeHead(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "header list larger than")
}

// AddressError says why an address is not allowed.
type AddressError struct{ Text string }

func (e *AddressError) Error() string { return e.Text }

// TimeoutError is a net.Error that names the exceeded limit.
type TimeoutError struct {
	What  string
	Limit time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the host %s within %s", e.What, limits.Short(e.Limit))
}

// Timeout is true.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary is true.
func (e *TimeoutError) Temporary() bool { return true }

// IsTooLarge reports whether err is a body larger than the policy allows.
func IsTooLarge(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Cause == "too large"
}

// IsDown reports whether err says that the host is down, and nothing about the request.
func IsDown(err error) bool {
	var a *Error
	return errors.As(err, &a) && a.Cause == "down" && err.Error() == a.Error()
}
