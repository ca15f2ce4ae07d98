// Errors: an error of the plugin becomes a gRPC status with its class as a detail, and an error
// again.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// LostError says that the connection to the plugin broke, most likely because its process ended:
// who holds the process knows more.
type LostError struct {
	Reason string // what gRPC says about it
}

func (e *LostError) Error() string { return "the plugin's connection broke: " + e.Reason }

// toStatus makes a plugin's error ready for the wire. ctx is the call's own, as gRPC gave it: if it
// ended, nobody waits for the reason.
func toStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	permanent, after := classOf(err)
	text := text.Bounded(toldOnce(err))
	st, detailErr := status.New(codes.Unknown,
		text).WithDetails(&pb.ErrorInfo{Permanent: permanent, RetryAfter: after, Skip: sdk.IsSkip(err)})
	if detailErr != nil {
		return status.Error(codes.Unknown, text)
	}
	return st.Err()
}

// fromStatus gives back the error that the plugin had, ctx's if the call was given up, or a
// [LostError].
func fromStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	said := text.Harmless(st.Message())
	for _, d := range st.Details() {
		if info, ok := d.(*pb.ErrorInfo); ok {
			err := withClass(errors.New(said), info.GetPermanent(), info.GetRetryAfter())
			if info.GetSkip() {
				return sdk.Skip(err)
			}
			return err
		}
	}
	return fromCode(st.Code(), said)
}

// fromCode explains a status that gRPC itself made, or a plugin that attaches no class.
func fromCode(code codes.Code, said string) error {
	switch code {
	case codes.Unavailable, codes.Canceled:
		return &LostError{Reason: said}
	case codes.Internal:
		if strings.Contains(said, io.ErrUnexpectedEOF.Error()) {
			return &LostError{Reason: said}
		}
	case codes.Unimplemented:
		return sdk.Permanent(fmt.Errorf("the plugin does not offer this call: %s", said))
	case codes.ResourceExhausted:
		return sdk.Permanent(fmt.Errorf("message too long, the limit is %d bytes: %s", MaxMessage, said))
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	}
	return errors.New(said)
}

func classOf(err error) (permanent bool, after *durationpb.Duration) {
	if d := sdk.RetryDelay(err); d > 0 {
		after = durationpb.New(d)
	}
	return sdk.IsPermanent(err), after
}

func withClass(err error, permanent bool, after *durationpb.Duration) error {
	if d := after.AsDuration(); d > 0 {
		err = sdk.RetryAfter(err, min(d, convert.MaxRetryAfter))
	}
	if permanent {
		err = sdk.Permanent(err)
	}
	return err
}

func requestErrorFrom(e *pb.RequestError) error {
	err := withClass(hostError(e.GetMessage()), e.GetPermanent(), e.GetRetryAfter())
	if e.GetRobots() {
		return &forbidden{err}
	}
	return err
}

// hostError is what the host says of a request. It names the request where that matters.
type hostError string

func (e hostError) Error() string { return string(e) }

// forbidden is the host's error of a request that robots.txt forbids.
type forbidden struct{ error }

func (e *forbidden) Is(target error) bool { return target == sdk.ErrRobots }
func (e *forbidden) Unwrap() error        { return e.error }

// toldOnce is the text of err without what an http.Client has put before the host's own words, if
// these say where the request went.
func toldOnce(err error) string {
	text := err.Error()
	var twice *url.Error
	var own hostError
	if !errors.As(err, &twice) || !errors.As(twice.Err, &own) {
		return text
	}
	if to, err := url.Parse(twice.URL); err == nil && to.Host != "" && strings.Contains(string(own), to.Host) {
		return strings.Replace(text, twice.Error(), twice.Err.Error(), 1)
	}
	return text
}

func requestErrorTo(err error) *pb.RequestError {
	permanent, after := classOf(err)
	return &pb.RequestError{
		Message: text.Bounded(err.Error()), Permanent: permanent, RetryAfter: after,
		Robots: errors.Is(err, sdk.ErrRobots),
	}
}
