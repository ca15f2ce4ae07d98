// Package fault says of each outcome of an attempt whether another attempt can help, and what to
// tell of it. The policy by class of failure is one table, rules.
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

// Verdict is what to do about an outcome.
type Verdict int

// The verdicts.
const (
	Done      Verdict = iota // a reply for the plugin
	Again                    // may pass
	Throttled                // passes as soon as the host lets: it asks for a pause, which the pace keeps
	Stop                     // not here and now, later perhaps
	Never                    // cannot work
)

// Blame is how far a failure speaks against the host as a whole; the circuit breaker counts by it.
type Blame int

// The blames, the least first.
const (
	None    Blame = iota
	Perhaps       // or against this request alone
	Gateway       // what stands before the host says so; of one request alone only after many failures
	Plainly
)

// Rule is what is done about a class of failures.
type Rule struct {
	Verdict   Verdict
	Tries     int // at most, the first included; 0: http.attempts
	Blame     Blame
	Permanent bool // once it is given up
}

// rules is the policy. Between the tries lies a backoff with full jitter, from 0.5 s doubling to 60
// s, and all retries come out of the host's budget. A request that is not idempotent is sent again
// only if nothing of it was sent, as in the first rows. What the plugin itself says of a reply
// (reply.Final, reply.Temporary) comes before all this.
//
// A refusal for asking too often, whatever its status (see package pace), is the host's pace and no
// failure: it counts neither as an attempt nor against the budget or the host, and has a limit of
// its own, http.max_wait.
var rules = map[string]Rule{
	//             verdict tries blame permanent
	"connect":     {Again, 0, Plainly, false}, // nothing of the request was sent
	"dns":         {Again, 0, Plainly, false}, // the look-up went wrong
	"name":        {Again, 2, Plainly, false}, // there is no such host
	"tls":         {Again, 3, Plainly, false}, // the handshake was refused
	"not tls":     {Again, 2, Plainly, true},
	"certificate": {Never, 1, None, true},
	"tls version": {Never, 1, None, true}, // it speaks none that is allowed
	"client tls":  {Never, 1, None, true}, // it wants another certificate of the client than it gets
	"proxy":       {Never, 1, None, true}, // it does not let us through

	"timeout":   {Again, 0, Perhaps, false},
	"reset":     {Again, 0, Perhaps, false}, // or closed before the reply was whole
	"truncated": {Again, 0, Perhaps, false}, // the body is shorter than its head says, or than its encoding
	"garbage":   {Again, 0, Perhaps, false}, // not HTTP
	// the body is not what Content-Encoding says, and nothing else that is known
	"encoding": {Again, 2, None, true},

	"408": {Again, 0, None, false},
	"425": {Again, 0, None, false},
	"429": {Throttled, 0, None, false},
	"501": {Done, 0, None, false}, // the request is at fault, whatever the number says
	"505": {Done, 0, None, false},
	"502": {Again, 0, Gateway, false},
	"503": {Again, 0, Gateway, false},
	"5xx": {Again, 0, Perhaps, false},

	"temporary":      {Again, 0, None, false}, // says the plugin
	"limiter":        {Again, 0, None, false}, // our own, which may be far away
	"pause":          {Stop, 0, None, true},   // longer than http.max_wait: not in this run
	"down":           {Stop, 0, None, false},  // the breaker is open
	"disk":           {Stop, 0, None, false},
	"credentials":    {Stop, 0, None, false}, // they cannot be had now
	"no credentials": {Never, 1, None, true}, // nor later
	"address":        {Never, 1, None, true}, // that is never connected to
	"canceled":       {Stop, 0, None, false},
	"too large":      {Never, 1, None, true},
}

// Outcome is the verdict and a short word for it, which keys the counts.
type Outcome struct {
	Verdict Verdict
	Cause   string
}

// Rule returns what is done about the outcome.
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

// Of returns the outcome of a class.
func Of(class string) Outcome {
	o := Outcome{Cause: class}
	o.Verdict = o.Rule().Verdict
	return o
}

// Error is what the decorators below retry return: an attempt that failed.
type Error struct {
	Outcome
	Unsent bool // the host has seen nothing of the request
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Judge judges a reply that is no refusal.
func Judge(resp *http.Response) Outcome {
	s := resp.StatusCode
	switch {
	case s == 408, s == 425, s == 429, s >= 500 && s <= 599:
		return Of(StatusCause(s))
	}
	return Outcome{Done, ""}
}

// JudgeError judges an attempt that brought no reply.
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

// isTLSVersion knows what crypto/tls says, for itself or for the host, if the two have no version
// in common.
func isTLSVersion(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: ") && strings.Contains(text, "protocol version")
}

// isClientTLS reports whether the host's alert speaks of our certificate: of its own there is
// nothing for it to complain of.
func isClientTLS(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" &&
		(strings.Contains(op.Err.Error(), "certificate") || strings.Contains(op.Err.Error(), "access denied"))
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// isGarbage knows what net/http says of a reply that is not HTTP, for which it has no type.
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

// isLargeHead knows what net/http says of a reply whose headers are too many, over HTTP/1 and
// HTTP/2.
func isLargeHead(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "header list larger than")
}

// AddressError says why an address is not connected to.
type AddressError struct{ Text string }

func (e *AddressError) Error() string { return e.Text }

// TimeoutError is a net.Error that says which limit is over.
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

// IsTooLarge reports whether err says that a body was larger than the policy allows.
func IsTooLarge(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Cause == "too large"
}

// IsDown reports whether err says that the host is down, and nothing of the request itself.
func IsDown(err error) bool {
	var a *Error
	return errors.As(err, &a) && a.Cause == "down" && err.Error() == a.Error()
}
