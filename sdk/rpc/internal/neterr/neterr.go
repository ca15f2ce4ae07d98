// Package neterr takes the errors of connections, those of package net, across the wire.
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

// MaxConns is how many connections one plugin may have at a time, those that are being opened among
// them.
const MaxConns = 64

// ErrTooMany is the end of a dial that goes beyond MaxConns.
var ErrTooMany = fmt.Errorf("too many connections at once: a plugin may have %d", MaxConns)

// To says an error without the addresses, which the plugin's own error names.
func To(err error) *pb.DialError {
	out := &pb.DialError{Cause: causeOf(err), Permanent: sdk.IsPermanent(err)}
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		out.Message = "lookup " + dns.Name + ": " + dns.Err // without the server that was asked
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

// isErrno knows the numbers that Windows has for sockets beside those of syscall.
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

// From is the error behind a *net.OpError: its text is the host's, and what it wraps is what net
// would wrap.
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

// farError is what went wrong between the host and the far end.
type farError struct {
	text string
	is   error // nil: nothing that has a name
}

func (e *farError) Error() string { return e.text }
func (e *farError) Unwrap() error { return e.is }

// Timeout and Temporary make it a net.Error.
func (e *farError) Timeout() bool   { return errors.Is(e.is, syscall.ETIMEDOUT) }
func (e *farError) Temporary() bool { return e.Timeout() }

// OfContext is the end of a context as package net says it.
func OfContext(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}
