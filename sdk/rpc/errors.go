// Errors: converts a plugin's error to a gRPC status with its class as a detail, and back.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// LostError says that the connection to the plugin broke, usually because its process ended. The
// owner of the process knows more.
type LostError struct {
	Reason string // gRPC's error
}

func (e *LostError) Error() string { return "the plugin's connection broke: " + e.Reason }

// toStatus converts a plugin's error for the wire. ctx is the context of the call as gRPC gave it:
// if it is done, the reason does not matter.
func toStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	permanent, after := convert.ClassOf(err)
	text := text.Bounded(convert.ToldOnce(err))
	st, detailErr := status.New(codes.Unknown,
		text).WithDetails(&pb.ErrorInfo{Permanent: permanent, RetryAfter: after, Skip: errors.Is(err, sdk.ErrSkip)})
	if detailErr != nil {
		return status.Error(codes.Unknown, text)
	}
	return st.Err()
}

// fromStatus returns the plugin's error, the error of ctx if the call was cancelled, or a
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
			err := convert.WithClass(errors.New(said), info.GetPermanent(), info.GetRetryAfter())
			if info.GetSkip() {
				return sdk.Skip(err)
			}
			return err
		}
	}
	return fromCode(st.Code(), said)
}

// fromCode explains a status made by gRPC, or by a plugin that attaches no class.
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
