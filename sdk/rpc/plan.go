// Plan: transfers splits in pieces both ways, because all of them may exceed a message.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

const (
	// planPiece bounds the bytes of splits in a message; a longer split travels alone. Decoded,
	// they take several times that, in the host and in the plugin.
	planPiece = 256 << 10
)

// Plan plans with everything in memory; see PlanPages.
func (s *source) Plan(ctx context.Context, p sdk.Plan) ([]sdk.Split, error) {
	var out []sdk.Split
	previous := func(yield func([]sdk.Split, error) bool) { yield(p.Previous, nil) }
	err := s.PlanPages(ctx, p.Streams, previous,
		func(page []sdk.Split) error { out = append(out, page...); return nil })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PlanPages implements [Source]. A page is a message.
func (s *source) PlanPages(ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error],
	page func([]sdk.Split) error) error {
	wire, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream when the plan is refused
	stream, err := s.conn.source.Plan(wire)
	if err != nil {
		return fromStatus(ctx, err)
	}
	var broken error // of previous
	err = ask(stream, streams, func(yield func([]sdk.Split) bool) {
		for page, err := range previous {
			if broken = err; err != nil || !yield(page) {
				return
			}
		}
	})
	switch {
	case broken != nil:
		return broken
	case err != nil && !errors.Is(err, io.EOF): // io.EOF: the plugin has ended it, and Recv returns why
		return fromStatus(ctx, err)
	}
	for size := 0; ; {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		if size += proto.Size(m); size > s.maxPlan {
			return sdk.Permanent(fmt.Errorf(
				"the plan's splits take more than %d bytes: plan fewer, and let reading them add the others",
				s.maxPlan))
		}
		splits := convert.Each(m.GetSplits(), convert.SplitFrom)
		for _, split := range splits {
			if err := split.Validate(); err != nil {
				return err
			}
		}
		if err := page(splits); err != nil {
			return err
		}
	}
}

// ask sends the previous splits.
func ask(stream grpc.BidiStreamingClient[pb.PlanRequest, pb.PlanResponse], streams []string,
	previous iter.Seq[[]sdk.Split]) error {
	if err := stream.Send(&pb.PlanRequest{Streams: streams}); err != nil {
		return err
	}
	for page := range previous {
		for piece := range pieces(page) {
			if err := stream.Send(&pb.PlanRequest{Previous: piece}); err != nil {
				return err
			}
		}
	}
	return stream.CloseSend()
}

// pieces converts splits and yields as many as fit into planPiece bytes, at least one.
func pieces(splits []sdk.Split) iter.Seq[[]*pb.Split] {
	return func(yield func([]*pb.Split) bool) {
		var piece []*pb.Split
		size := 0
		for _, s := range splits {
			m := convert.SplitTo(s)
			n := proto.Size(m)
			if len(piece) > 0 && size+n > planPiece {
				if !yield(piece) {
					return
				}
				piece, size = nil, 0
			}
			piece, size = append(piece, m), size+n
		}
		if len(piece) > 0 {
			yield(piece)
		}
	}
}

// Plan is the plugin's side.
func (s *sourceServer) Plan(stream grpc.BidiStreamingServer[pb.PlanRequest, pb.PlanResponse]) error {
	src, c, err := beginOn[sdk.Source](stream.Context(), s.server)
	if err != nil {
		return err
	}
	defer c.end()
	p, err := asked(stream)
	if err != nil {
		return c.status(err)
	}
	splits, err := src.Plan(c.ctx, p)
	if err != nil {
		return c.status(err)
	}
	for i, split := range splits {
		if err := split.Validate(); err != nil {
			return c.status(fmt.Errorf("split %d of %d of the plan: %w", i+1, len(splits), err))
		}
	}
	for piece := range pieces(splits) {
		if err := stream.Send(&pb.PlanResponse{Splits: piece}); err != nil {
			return c.status(err)
		}
	}
	return nil
}

// asked receives the previous splits.
func asked(stream grpc.BidiStreamingServer[pb.PlanRequest, pb.PlanResponse]) (p sdk.Plan, err error) {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		p.Streams = append(p.Streams, m.GetStreams()...)
		p.Previous = append(p.Previous, convert.Each(m.GetPrevious(), convert.SplitFrom)...)
	}
}
