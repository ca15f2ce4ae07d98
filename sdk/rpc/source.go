// The source service.

package rpc

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// maxPlan bounds the bytes of splits that the host accepts from one Plan, because it stores them
// and does not trust a plugin with the whole disk.
const maxPlan = 1 << 30

// Source is a source that can also be planned in pages.
type Source interface {
	sdk.Source
	// PlanPages takes all pages of previous, each with splits of finished earlier runs, and
	// then hands over the plan page by page. It ends with the first error of either, which it
	// returns.
	PlanPages(ctx context.Context, streams []string, previous iter.Seq2[[]sdk.Split, error],
		page func([]sdk.Split) error) error
}

// Source returns the plugin as a source, after Configure. Read passes received events to the Writer
// immediately. Counts are made on Read's context before the event that they belong to.
func (c *Conn) Source() Source { return &source{conn: c, maxPlan: maxPlan} }

type source struct {
	conn    *Conn
	maxPlan int // most bytes of a plan
}

func (s *source) Streams(ctx context.Context) ([]sdk.Stream, error) {
	r, err := s.conn.source.Streams(ctx, &pb.StreamsRequest{})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	return convert.Announced(r.GetStreams())
}

func (s *source) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	wire, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream when w fails
	stream, err := s.conn.source.Read(wire, &pb.ReadRequest{Split: convert.SplitTo(split)})
	if err != nil {
		return fromStatus(ctx, err)
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		replay(ctx, m.GetCounters())
		if err := emit(w, m); err != nil {
			return err
		}
	}
}

// emit passes on one event. A message without one carries only counters.
func emit(w *sdk.Writer, m *pb.ReadResponse) error {
	switch e := m.GetEvent().(type) {
	case *pb.ReadResponse_Batch:
		b, err := convert.CheckedBatch(e.Batch)
		if err != nil || b.Count == 0 {
			return err
		}
		return w.Batch(b)
	case *pb.ReadResponse_Cursor:
		return w.Cursor(e.Cursor)
	case *pb.ReadResponse_Split:
		return w.Split(convert.SplitFrom(e.Split))
	case *pb.ReadResponse_Reject:
		r := convert.RejectFrom(e.Reject)
		return w.Reject(r.Stream, r.Record, r.Reason)
	}
	return nil
}

// sourceServer is the plugin's side.
type sourceServer struct {
	pb.UnimplementedSourceServiceServer
	*server
}

func (s *sourceServer) Streams(ctx context.Context, _ *pb.StreamsRequest) (*pb.StreamsResponse, error) {
	src, c, err := beginOn[sdk.Source](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	streams, err := src.Streams(c.ctx)
	if err != nil {
		return nil, c.status(err)
	}
	return &pb.StreamsResponse{Streams: convert.Each(streams, convert.StreamTo)}, nil
}

func (s *sourceServer) Read(r *pb.ReadRequest, stream grpc.ServerStreamingServer[pb.ReadResponse]) error {
	split := convert.SplitFrom(r.GetSplit())
	src, c, err := beginOn[sdk.Source](hint.WithSplit(stream.Context(), split.ID), s.server, "stream", split.Stream,
		"split", split.ID)
	if err != nil {
		return err
	}
	defer c.end()
	c.counts.collect()
	out := &readOutput{stream: stream, counts: &c.counts}
	w := sdk.NewWriter(out)
	if err := src.Read(c.ctx, split, w); err != nil {
		return c.status(err)
	}
	if err := w.Flush(); err != nil {
		return c.status(err)
	}
	return c.status(out.finish())
}

// readOutput sends what a Read emits. Counts wait for the cursor of their group, so that they are
// discarded with it.
type readOutput struct {
	stream grpc.ServerStreamingServer[pb.ReadResponse]
	counts *counts
}

func (o *readOutput) Batch(b sdk.Batch) error {
	return o.stream.Send(&pb.ReadResponse{Event: &pb.ReadResponse_Batch{Batch: convert.BatchTo(b)}})
}

func (o *readOutput) Cursor(cursor []byte) error {
	return o.stream.Send(&pb.ReadResponse{Event: &pb.ReadResponse_Cursor{Cursor: cursor}, Counters: o.counts.take()})
}

func (o *readOutput) Split(s sdk.Split) error {
	return o.stream.Send(&pb.ReadResponse{Event: &pb.ReadResponse_Split{Split: convert.SplitTo(s)}})
}

func (o *readOutput) Reject(r sdk.Reject) error {
	return o.stream.Send(&pb.ReadResponse{Event: &pb.ReadResponse_Reject{Reject: convert.RejectTo(r)}})
}

// finish sends the counts after the last cursor.
func (o *readOutput) finish() error {
	last := o.counts.last()
	if len(last) == 0 {
		return nil
	}
	return o.stream.Send(&pb.ReadResponse{Counters: last})
}
