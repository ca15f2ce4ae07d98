// Descriptions of failures.

package fault

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
)

// Words describes err briefly. Equal causes have equal descriptions, so that they can be counted.
func Words(err error, o origin.Origin) string {
	var t *TimeoutError
	switch class := JudgeError(err).Cause; {
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
		return fmt.Sprintf("the headers of the reply are larger than %d KiB", trip.MaxHeader>>10)
	case class == "garbage":
		return "the reply is not HTTP"
	case class == "reset" && errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	case class == "reset" && errors.Is(err, io.EOF):
		return "connection closed"
	}
	return err.Error()
}

// dialled returns the target of a connection: the host, or a proxy.
func dialled(err error, o origin.Origin) string {
	var op *net.OpError
	for e := err; errors.As(e, &op); e = op.Err {
		if op.Op == "dial" && op.Addr != nil && isProxied(err) {
			return "the proxy " + op.Addr.String()
		}
	}
	return net.JoinHostPort(o.Host, o.Port)
}

// nameOf returns the name that failed to resolve: the host's, or a proxy's.
func nameOf(err error, o origin.Origin) string {
	var dns *net.DNSError
	if isProxied(err) && errors.As(err, &dns) {
		return dns.Name + ", the proxy's,"
	}
	return o.Host
}

// isProxied reports whether a connection to a proxy failed.
func isProxied(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "proxyconnect"
}

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "connection refused")
}

// Advice returns what a user can do about err, or "".
func Advice(err error) string {
	switch class := JudgeError(err).Cause; {
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

// WithText returns err with another text.
func WithText(text string, err error) error { return &textError{text, err} }

type textError struct {
	text string
	err  error
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.err }

// StatusCause returns the class of a status: "503".
func StatusCause(status int) string { return strconv.Itoa(status) }

// StatusText formats a status: "503 Service Unavailable".
func StatusText(status int) string {
	return strings.TrimSpace(StatusCause(status) + " " + http.StatusText(status))
}
