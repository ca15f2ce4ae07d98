// judge says of each outcome of an attempt whether another attempt can help. The policy by class of failure is one table,
// rules.

package fetch

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
	"syscall"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
)

// verdict is what to do about an outcome.
type verdict int

const (
	done      verdict = iota // a reply for the plugin
	again                    // may pass
	throttled                // passes as soon as the host lets: it asks for a pause, which paced keeps
	stop                     // not here and now, later perhaps
	never                    // cannot work
)

// blame is how far a failure speaks against the host as a whole; see breaker.go.
type blame int

const (
	none    blame = iota
	perhaps       // or against this request alone
	gateway       // what stands before the host says so; of one request alone only after many failures
	plainly
)

// rule is what is done about a class of failures.
type rule struct {
	verdict   verdict
	tries     int // at most, the first included; 0: http.attempts
	blame     blame
	permanent bool // once it is given up
}

// rules is the policy. Between the tries lies a backoff with full jitter, from 0.5 s doubling to 60 s, and all retries come
// out of the host's budget. A request that is not idempotent is sent again only if nothing of it was sent, as in the
// first rows. What the plugin itself says of a reply (sdk.Final, sdk.Temporary) comes before all this.
//
// A refusal for asking too often, whatever its status (see weighed.go), is the host's pace and no failure: it counts neither as an attempt nor
// against the budget or the host, and has a limit of its own, http.max_wait.
var rules = map[string]rule{
	//             verdict tries blame permanent
	"connect":     {again, 0, plainly, false}, // nothing of the request was sent
	"dns":         {again, 0, plainly, false}, // the look-up went wrong
	"name":        {again, 2, plainly, false}, // there is no such host
	"tls":         {again, 3, plainly, false}, // the handshake was refused
	"not tls":     {again, 2, plainly, true},
	"certificate": {never, 1, none, true},
	"tls version": {never, 1, none, true}, // it speaks none that is allowed
	"client tls":  {never, 1, none, true}, // it wants another certificate of the client than it gets
	"proxy":       {never, 1, none, true}, // it does not let us through

	"timeout":   {again, 0, perhaps, false},
	"reset":     {again, 0, perhaps, false}, // or closed before the reply was whole
	"truncated": {again, 0, perhaps, false}, // the body is shorter than its head says, or than its encoding
	"garbage":   {again, 0, perhaps, false}, // not HTTP
	"encoding":  {again, 2, none, true},     // the body is not what Content-Encoding says, and nothing else that is known

	"408": {again, 0, none, false},
	"425": {again, 0, none, false},
	"429": {throttled, 0, none, false},
	"501": {done, 0, none, false}, // the request is at fault, whatever the number says
	"505": {done, 0, none, false},
	"502": {again, 0, gateway, false},
	"503": {again, 0, gateway, false},
	"5xx": {again, 0, perhaps, false},

	"temporary":      {again, 0, none, false}, // says the plugin
	"limiter":        {again, 0, none, false}, // our own, which may be far away
	"pause":          {stop, 0, none, true},   // longer than http.max_wait: not in this run
	"down":           {stop, 0, none, false},  // the breaker is open
	"disk":           {stop, 0, none, false},
	"credentials":    {stop, 0, none, false}, // they cannot be had now
	"no credentials": {never, 1, none, true}, // nor later
	"address":        {never, 1, none, true}, // that is never connected to
	"canceled":       {stop, 0, none, false},
	"too large":      {never, 1, none, true},
}

// outcome is the verdict and a short word for it, which keys the counts.
type outcome struct {
	verdict verdict
	cause   string
}

func (o outcome) rule() rule {
	if o.verdict == throttled {
		return rules["429"]
	}
	if r, ok := rules[o.cause]; ok {
		return r
	}
	if len(o.cause) == 3 && o.cause[0] == '5' {
		return rules["5xx"]
	}
	return rule{verdict: o.verdict}
}

// of returns the outcome of a class.
func of(class string) outcome {
	o := outcome{cause: class}
	o.verdict = o.rule().verdict
	return o
}

// attemptError is what the decorators below retry return: an attempt that failed.
type attemptError struct {
	outcome
	unsent bool // the host has seen nothing of the request
	err    error
}

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

// judge judges a reply that is no refusal.
func judge(resp *http.Response) outcome {
	s := resp.StatusCode
	switch {
	case s == 408, s == 425, s == 429, s >= 500 && s <= 599:
		return of(statusCause(s))
	}
	return outcome{done, ""}
}

func judgeError(err error) outcome {
	var known *attemptError
	var address *addressError
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.As(err, &known) && known.cause != "":
		return known.outcome
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return of("canceled")
	case errors.As(err, &address):
		return of("address")
	case isCertificate(err):
		return of("certificate")
	case isNotTLS(err):
		return of("not tls")
	case isLargeHead(err):
		return of("too large")
	case isTLSVersion(err):
		return of("tls version")
	case isClientTLS(err):
		return of("client tls")
	case isAlert(err):
		return of("tls")
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return of("name")
		}
		return of("dns")
	case errors.As(err, &netErr) && netErr.Timeout():
		return of("timeout")
	case isDial(err):
		return of("connect")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return of("truncated")
	case isGarbage(err):
		return of("garbage")
	}
	return of("reset")
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

// isTLSVersion knows what crypto/tls says, for itself or for the host, if the two have no version in common.
func isTLSVersion(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: ") && strings.Contains(text, "protocol version")
}

// isClientTLS reports whether the host's alert speaks of our certificate: of its own there is nothing for it to complain of.
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
	for _, mark := range []string{"malformed", "invalid", "bad ", "unsupported", "too many", "exceeded", "too large", "header list larger than"} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	return false
}

// isLargeHead knows what net/http says of a reply whose headers are too many, over HTTP/1 and HTTP/2.
func isLargeHead(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "header list larger than")
}

// wordsOf tells err in a few words that are the same for the same cause, so that they can be counted.
func wordsOf(err error, o origin.Origin) string {
	var t *timeoutError
	switch class := judgeError(err).cause; {
	case errors.As(err, &t):
		return t.Error()
	case class == "down":
		return err.Error()
	case isRefused(err):
		return "connection refused by " + dialled(err, o)
	case class == "name":
		return "no host has the name " + nameOf(err, o)
	case class == "not tls":
		return net.JoinHostPort(o.Host, o.Port) + " does not speak TLS"
	case class == "certificate":
		return fmt.Sprintf("the certificate of %s is not trusted: %v", o.Host, err)
	case class == "tls version":
		return net.JoinHostPort(o.Host, o.Port) + " does not speak TLS 1.2, nor whatever min_version asks for"
	case class == "client tls" && strings.Contains(err.Error(), "certificate required"):
		return net.JoinHostPort(o.Host, o.Port) + " wants a certificate of the client"
	case class == "client tls":
		return fmt.Sprintf("%s does not take the client's certificate: %v", net.JoinHostPort(o.Host, o.Port), err)
	case class == "truncated":
		return "the reply broke off"
	case isLargeHead(err):
		return fmt.Sprintf("the headers of the reply are larger than %d KiB", maxHeader>>10)
	case class == "garbage":
		return "the reply is not HTTP"
	case class == "reset" && errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	case class == "reset" && errors.Is(err, io.EOF):
		return "connection closed"
	}
	return err.Error()
}

// dialled is where a connection was to go: to the host, or to a proxy.
func dialled(err error, o origin.Origin) string {
	var op *net.OpError
	for e := err; errors.As(e, &op); e = op.Err {
		if op.Op == "dial" && op.Addr != nil && isProxied(err) {
			return "the proxy " + op.Addr.String()
		}
	}
	return net.JoinHostPort(o.Host, o.Port)
}

// nameOf is the name that no host has: that of the host, or of a proxy.
func nameOf(err error, o origin.Origin) string {
	var dns *net.DNSError
	if isProxied(err) && errors.As(err, &dns) {
		return dns.Name + ", the proxy's,"
	}
	return o.Host
}

// isProxied reports whether a connection to a proxy went wrong.
func isProxied(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "proxyconnect"
}

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "connection refused")
}

// advice is what a person can do about err, or "".
func advice(err error) string {
	switch class := judgeError(err).cause; {
	case class == "not tls":
		return "should the URL begin with http://?"
	case isProxied(err):
		return "is http.proxy right?"
	case class == "certificate" && errors.As(err, new(x509.UnknownAuthorityError)):
		return "if it is the right one, name the certificate of its authority: http { tls { ca_file = … } }"
	case class == "client tls":
		return "see cert_file and key_file in http { tls { … } }"
	case class == "name":
		return "is it spelt right, and is this machine online?"
	case class != "down" && isRefused(err):
		return "is the server running, and is the port right?"
	}
	return ""
}

// toldError says in words of its own what the system's error says in the system's.
type toldError struct {
	text string
	err  error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.err }
