// judge says of each outcome of an attempt whether another attempt can help.

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
)

// verdict is what to do about an outcome.
type verdict int

const (
	done      verdict = iota // a reply for the plugin
	again                    // may pass
	onceMore                 // hardly passes
	throttled                // passes as soon as the host lets: a 429
	stop                     // not here and now, later perhaps
	never                    // cannot work
)

// outcome is the verdict and a short word for it, which keys the counts.
type outcome struct {
	verdict verdict
	cause   string
}

// attemptError is what the decorators below retry return: an attempt that failed.
type attemptError struct {
	outcome
	unsent bool // the host has seen nothing of the request
	err    error
}

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

func judge(resp *http.Response, err error) outcome {
	if err != nil {
		return judgeError(err)
	}
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests:
		return outcome{throttled, statusCause(s)}
	case s == http.StatusNotImplemented, s == http.StatusHTTPVersionNotSupported:
		// The request is at fault, whatever the number says.
	case s == 408, s == 425, s >= 500 && s <= 599:
		return outcome{again, statusCause(s)}
	}
	return outcome{done, ""}
}

func judgeError(err error) outcome {
	var known *attemptError
	var dns *net.DNSError
	var dial *net.OpError
	var netErr net.Error
	switch {
	case errors.As(err, &known) && known.cause != "":
		return known.outcome
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return outcome{stop, "canceled"}
	case isCertificate(err), isNotTLS(err):
		return outcome{never, "tls"}
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return outcome{onceMore, "dns"}
		}
		return outcome{again, "dns"}
	case errors.As(err, &netErr) && netErr.Timeout():
		return outcome{again, "timeout"}
	case errors.As(err, &dial) && dial.Op == "dial":
		return outcome{again, "connect"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return outcome{again, "truncated"}
	}
	return outcome{again, "broken"} // reset, closed, or not HTTP
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

// explain adds to err what a person can do about it.
func explain(err error, o Origin) error {
	var dns *net.DNSError
	switch {
	case isNotTLS(err):
		return fmt.Errorf("%s does not speak TLS; should the URL begin with http://? %w", net.JoinHostPort(o.Host, o.Port), err)
	case isCertificate(err):
		return fmt.Errorf("the certificate of %s is not trusted: %w", o.Host, err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("no host has the name %s; is it spelt right, and is this machine online? %w", o.Host, err)
	case strings.Contains(err.Error(), "refused"):
		return &toldError{fmt.Sprintf("connection refused by %s; is the server running, and is the port right?", net.JoinHostPort(o.Host, o.Port)), err}
	}
	return err
}

// toldError says in words of its own what the system's error says in the system's.
type toldError struct {
	text string
	err  error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.err }
