// The transform service.

package rpc

import (
	"context"
	"errors"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// Transform returns the plugin as a transform, after Configure. Its abilities ([host.AbilitiesOf])
// are those of the plugin's value.
func (c *Conn) Transform() sdk.Transform { return transform{c} }

type transform struct{ conn *Conn }

// Abilities are those that the plugin has announced.
func (t transform) Abilities() host.Abilities {
	var a host.Abilities
	f := t.conn.configured()
	if f.Open {
		a.Open = t.open
	}
	if f.Commit {
		a.Commit = t.commit
	}
	if f.OutStreams {
		a.OutStreams = t.outStreams
	}
	return a
}

func (t transform) Transform(ctx context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	r, err := t.conn.transform.Transform(ctx, &pb.TransformRequest{Batch: convert.BatchTo(b)})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	var out []sdk.Batch
	for _, m := range r.GetBatches() {
		b, err := convert.CheckedBatch(m)
		if err != nil {
			return nil, err
		}
		if b.Count > 0 {
			out = append(out, b)
		}
	}
	replay(ctx, r.GetCounters())
	return out, sdk.Rejects(convert.Each(r.GetRejects(), convert.RejectFrom)).Err()
}

func (t transform) open(ctx context.Context, s sdk.Start) error {
	_, err := t.conn.transform.OpenTransform(ctx, &pb.OpenTransformRequest{Start: convert.StartTo(s)})
	return fromStatus(ctx, err)
}

func (t transform) commit(ctx context.Context) (sdk.Token, error) {
	r, err := t.conn.transform.CommitTransform(ctx, &pb.CommitTransformRequest{})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	return convert.TokenFrom(r.GetToken()), nil
}

func (t transform) outStreams(ctx context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	r, err := t.conn.transform.OutStreams(ctx, &pb.OutStreamsRequest{Streams: convert.Each(in, convert.StreamTo)})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	return convert.Announced(r.GetStreams())
}

// transformServer is the plugin's side.
type transformServer struct {
	pb.UnimplementedTransformServiceServer
	*server
}

func (s *transformServer) Transform(ctx context.Context, r *pb.TransformRequest) (*pb.TransformResponse, error) {
	b := convert.BatchFrom(r.GetBatch())
	t, c, err := beginOn[sdk.Transform](ctx, s.server, "stream", b.Stream)
	if err != nil {
		return nil, err
	}
	defer c.end()
	c.counts.collect()
	batches, err := t.Transform(c.ctx, b)
	rejects, err := rejectsOf(err)
	if err != nil {
		return nil, c.status(err)
	}
	return &pb.TransformResponse{Batches: convert.Each(batches, convert.BatchTo), Rejects: rejects,
		Counters: c.counts.last()}, nil
}

func (s *transformServer) OpenTransform(ctx context.Context, r *pb.OpenTransformRequest) (*pb.OpenTransformResponse,
	error) {
	t, c, err := beginOn[sdk.Opener](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	return &pb.OpenTransformResponse{}, c.status(t.Open(c.ctx, convert.StartFrom(r.GetStart())))
}

func (s *transformServer) CommitTransform(ctx context.Context,
	_ *pb.CommitTransformRequest) (*pb.CommitTransformResponse, error) {
	t, c, err := beginOn[sdk.Committer](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	token, err := t.Commit(c.ctx)
	return &pb.CommitTransformResponse{Token: token}, c.status(err)
}

func (s *transformServer) OutStreams(ctx context.Context, r *pb.OutStreamsRequest) (*pb.OutStreamsResponse, error) {
	t, c, err := beginOn[sdk.Streamer](ctx, s.server)
	if err != nil {
		return nil, err
	}
	defer c.end()
	streams, err := t.OutStreams(c.ctx, convert.Each(r.GetStreams(), convert.StreamFrom))
	return &pb.OutStreamsResponse{Streams: convert.Each(streams, convert.StreamTo)}, c.status(err)
}

// rejectsOf extracts rejected records from an error; they are a result, not a failure.
func rejectsOf(err error) ([]*pb.Reject, error) {
	var rejects sdk.Rejects
	if errors.As(err, &rejects) {
		return convert.Each(rejects, convert.RejectTo), nil
	}
	return nil, err
}
