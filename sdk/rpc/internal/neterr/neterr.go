// Package neterr transfers errors of connections (package net) over the wire.
package neterr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// MaxConns bounds the connections of a plugin, including those being opened.
const MaxConns = 64

// ErrTooMany is the error of a dial beyond MaxConns.
var ErrTooMany = fmt.Errorf("too many connections at once: a plugin may have %d", MaxConns)

// To converts an error without its addresses, which the plugin's own error has.
func To(err error) *pb.DialError {
	out := &pb.DialError{Cause: causeOf(err), Permanent: sdk.IsPermanent(err)}
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		out.Message = "lookup " + dns.Name + ": " + dns.Err // without the DNS server
	case errors.As(err, &op):
		out.Message = op.Err.Error()
	default:
		out.Message = err.Error()
	}
	out.Message = text.Bounded(out.Message)
	return out
}

func causeOf(err error) pb.DialCause {
	var dns *net.DNSError
	switch {
	case errors.Is(err, sdk.ErrNotGranted):
		return pb.DialCause_DIAL_CAUSE_NOT_GRANTED
	case errors.Is(err, ErrTooMany):
		return pb.DialCause_DIAL_CAUSE_LIMIT
	case errors.As(err, &dns) && dns.IsNotFound:
		return pb.DialCause_DIAL_CAUSE_NO_SUCH_HOST
	case isErrno(err, syscall.ECONNREFUSED):
		return pb.DialCause_DIAL_CAUSE_REFUSED
	case isErrno(err, syscall.EHOSTUNREACH), isErrno(err, syscall.ENETUNREACH):
		return pb.DialCause_DIAL_CAUSE_UNREACHABLE
	case isErrno(err, syscall.ECONNRESET), isErrno(err, syscall.EPIPE), isErrno(err, syscall.ECONNABORTED):
		return pb.DialCause_DIAL_CAUSE_RESET
	case isTimeout(err):
		return pb.DialCause_DIAL_CAUSE_TIMED_OUT
	}
	return pb.DialCause_DIAL_CAUSE_UNSPECIFIED
}

// isErrno includes Windows's own error numbers of sockets.
func isErrno(err error, want syscall.Errno) bool {
	if errors.Is(err, want) {
		return true
	}
	winsock := map[syscall.Errno]syscall.Errno{
		10053: syscall.ECONNABORTED, 10054: syscall.ECONNRESET, 10061: syscall.ECONNREFUSED,
		10065: syscall.EHOSTUNREACH, 10051: syscall.ENETUNREACH,
	}
	var number syscall.Errno
	return runtime.GOOS == "windows" && errors.As(err, &number) && winsock[number] == want
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// From returns the error for a *net.OpError: it has the host's text, and wraps what net would wrap.
func From(e *pb.DialError) error {
	said := e.GetMessage()
	var err error = &farError{text: said, is: map[pb.DialCause]error{
		pb.DialCause_DIAL_CAUSE_NOT_GRANTED: sdk.ErrNotGranted,
		pb.DialCause_DIAL_CAUSE_REFUSED:     syscall.ECONNREFUSED,
		pb.DialCause_DIAL_CAUSE_UNREACHABLE: syscall.EHOSTUNREACH,
		pb.DialCause_DIAL_CAUSE_RESET:       syscall.ECONNRESET,
		pb.DialCause_DIAL_CAUSE_TIMED_OUT:   syscall.ETIMEDOUT,
	}[e.GetCause()]}
	if e.GetCause() == pb.DialCause_DIAL_CAUSE_NO_SUCH_HOST {
		err = &farError{text: said, is: &net.DNSError{Err: "no such host", IsNotFound: true}}
	}
	if e.GetPermanent() {
		err = sdk.Permanent(err)
	}
	return err
}

// farError is an error between the host and the remote end.
type farError struct {
	text string
	is   error // nil: no known error
}

func (e *farError) Error() string { return e.text }
func (e *farError) Unwrap() error { return e.is }

// Timeout and Temporary implement net.Error.
func (e *farError) Timeout() bool   { return errors.Is(e.is, syscall.ETIMEDOUT) }
func (e *farError) Temporary() bool { return e.Timeout() }

// OfContext returns the error of a context as package net does.
func OfContext(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}
