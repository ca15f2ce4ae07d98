// The sink service.

package rpc

import (
	"context"
	"errors"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// Sink returns the plugin as a sink, after Configure. Its abilities ([host.AbilitiesOf]) are those
// of the plugin's value.
func (c *Conn) Sink() sdk.Sink { return sink{c} }

type sink struct{ conn *Conn }

// Abilities are those that the plugin has announced.
func (s sink) Abilities() host.Abilities {
	f := s.conn.configured()
	a := host.Abilities{Parallel: f.ParallelWrites}
	if f.Open {
		a.Open = s.open
	}
	if f.Finish {
		a.Finish = s.finish
	}
	if f.PlanSink {
		a.PlanSink = s.plan
	}
	return a
}

// Guarantee implements [sdk.Guarantor].
func (s sink) Guarantee() sdk.Guarantee {
	f := s.conn.configured()
	if f.Guarantee.Delivery != "" {
		return f.Guarantee
	}
	return host.UnsaidGuarantee(f.Open)
}

func (s sink) Write(ctx context.Context, b sdk.Batch) error {
	r, err := s.conn.sink.Write(ctx, &pb.WriteRequest{Batch: convert.BatchTo(b)})
	if err != nil {
		return fromStatus(ctx, err)
	}
	replay(ctx, r.GetCounters())
	return sdk.Rejects(convert.Each(r.GetRejects(), convert.RejectFrom)).Err()
}

func (s sink) Commit(ctx context.Context) (sdk.Token, error) {
	r, err := s.conn.sink.CommitSink(ctx, &pb.CommitSinkRequest{})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	return convert.TokenFrom(r.GetToken()), sdk.Rejects(convert.Each(r.GetRejects(), convert.RejectFrom)).Err()
}

func (s sink) open(ctx context.Context, start sdk.Start) error {
	_, err := s.conn.sink.OpenSink(ctx, &pb.OpenSinkRequest{Start: convert.StartTo(start)})
	return fromStatus(ctx, err)
}

func (s sink) plan(ctx context.Context, streams []sdk.Stream) (sdk.SinkPlan, error) {
	r, err := s.conn.sink.PlanSink(ctx, &pb.PlanSinkRequest{Streams: convert.Each(streams, convert.StreamTo)})
	return convert.SinkPlanFrom(r), fromStatus(ctx, err)
}

func (s sink) finish(ctx context.Context, e sdk.End) error {
	r, err := s.conn.sink.FinishSink(ctx, &pb.FinishSinkRequest{Run: e.Run, Full: e.Full, Rejected: e.Rejected})
	if err == nil && r.GetCommit() {
		return sdk.ErrUntold
	}
	return fromStatus(ctx, err)
}

// deliveries are the guarantees on the wire.
// sinkServer is the plugin's side.
type sinkServer struct {
	pb.UnimplementedSinkServiceServer
	*server
}

func (s *sinkServer) Write(ctx context.Context, r *pb.WriteRequest) (*pb.WriteResponse, error) {
	b := convert.BatchFrom(r.GetBatch())
	sink, c, err := beginOn[sdk.Sink](ctx, s.server, "stream", b.Stream)
	if err != nil {
		return nil, err
	}
	defer c.end()
	c.counts.collect()
	rejects, err := rejectsOf(sink.Write(c.ctx, b))
	if err != nil {
		return nil, c.status(err)
	}
	return &pb.WriteResponse{Rejects: rejects, Counters: c.counts.last()}, nil
}

func (s *sinkServer) PlanSink(ctx context.Context, r *pb.PlanSinkRequest) (*pb.PlanSinkResponse, error) {
	sink, c, err := beginOn[sdk.SinkPlanner](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	plan, err := sink.PlanSink(c.ctx, convert.Each(r.GetStreams(), convert.StreamFrom))
	return convert.SinkPlanTo(plan), c.status(err)
}

func (s *sinkServer) OpenSink(ctx context.Context, r *pb.OpenSinkRequest) (*pb.OpenSinkResponse, error) {
	sink, c, err := beginOn[sdk.Opener](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	return &pb.OpenSinkResponse{}, c.status(sink.Open(c.ctx, convert.StartFrom(r.GetStart())))
}

func (s *sinkServer) CommitSink(ctx context.Context, _ *pb.CommitSinkRequest) (*pb.CommitSinkResponse, error) {
	sink, c, err := beginOn[sdk.Sink](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	token, err := sink.Commit(c.ctx)
	rejects, err := rejectsOf(err)
	return &pb.CommitSinkResponse{Token: token, Rejects: rejects}, c.status(err)
}

func (s *sinkServer) FinishSink(ctx context.Context, r *pb.FinishSinkRequest) (*pb.FinishSinkResponse, error) {
	sink, c, err := beginOn[sdk.Finisher](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	err = sink.Finish(c.ctx, sdk.End{Run: r.GetRun(), Full: r.GetFull(), Rejected: r.GetRejected()})
	if errors.Is(err, sdk.ErrUntold) {
		return &pb.FinishSinkResponse{Commit: true}, nil
	}
	return &pb.FinishSinkResponse{}, c.status(err)
}
