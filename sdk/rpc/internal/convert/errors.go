// Errors of requests, and classes of errors.

package convert

import (
	"errors"
	"net/url"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// ClassOf converts the class of an error.
func ClassOf(err error) (permanent bool, after *durationpb.Duration) {
	if d := sdk.RetryDelay(err); d > 0 {
		after = durationpb.New(d)
	}
	return sdk.IsPermanent(err), after
}

// WithClass adds a received class to an error.
func WithClass(err error, permanent bool, after *durationpb.Duration) error {
	if d := after.AsDuration(); d > 0 {
		err = sdk.RetryAfter(err, min(d, MaxRetryAfter))
	}
	if permanent {
		err = sdk.Permanent(err)
	}
	return err
}

// RequestErrorFrom returns the host's error for a request.
func RequestErrorFrom(e *pb.RequestError) error {
	err := WithClass(HostError(e.GetMessage()), e.GetPermanent(), e.GetRetryAfter())
	if e.GetRobots() {
		return &forbidden{err}
	}
	return err
}

// HostError is the host's error for a request. It names the request where that matters.
type HostError string

func (e HostError) Error() string { return string(e) }

// forbidden is the error of a request that robots.txt forbids.
type forbidden struct{ error }

func (e *forbidden) Is(target error) bool { return target == sdk.ErrRobots || target == sdk.ErrSkip }
func (e *forbidden) Unwrap() error        { return e.error }

// ToldOnce returns the text of err without the prefix of http.Client, if the host's text already
// names the request.
func ToldOnce(err error) string {
	text := err.Error()
	var twice *url.Error
	var own HostError
	if !errors.As(err, &twice) || !errors.As(twice.Err, &own) {
		return text
	}
	if to, err := url.Parse(twice.URL); err == nil && to.Host != "" && strings.Contains(string(own), to.Host) {
		return strings.Replace(text, twice.Error(), twice.Err.Error(), 1)
	}
	return text
}

// RequestErrorTo converts the error of a request to a message.
func RequestErrorTo(err error) *pb.RequestError {
	permanent, after := ClassOf(err)
	return &pb.RequestError{
		Message: text.Bounded(err.Error()), Permanent: permanent, RetryAfter: after,
		Robots: errors.Is(err, sdk.ErrRobots),
	}
}
