// The plugin service: description, settings, end.

package rpc

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// register registers the plugin service and that of the plugin's kind.
func (s *server) register(g *grpc.Server) error {
	switch s.plugin.Kind {
	case sdk.KindSource:
		pb.RegisterSourceServiceServer(g, &sourceServer{server: s})
	case sdk.KindTransform:
		pb.RegisterTransformServiceServer(g, &transformServer{server: s})
	case sdk.KindSink:
		pb.RegisterSinkServiceServer(g, &sinkServer{server: s})
	default:
		return fmt.Errorf("plugin %s: kind %q is none of source, transform, sink", s.plugin.Name, s.plugin.Kind)
	}
	pb.RegisterPluginServiceServer(g, s)
	return nil
}

// Host serves the reverse stream while it is open.
func (s *server) Host(stream hostStream) error {
	if err := s.link.attach(stream); err != nil {
		return toStatus(stream.Context(), err)
	}
	defer s.link.detach()
	if err := stream.SendHeader(metadata.MD{}); err != nil { // the host waits for it
		return err
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return nil // the host has ended it, or is gone
		}
		s.link.deliver(m)
	}
}

func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	if s.connected != nil {
		s.connected()
	}
	return convert.InfoTo(s.plugin.Info), nil
}

func (s *server) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	c, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer c.end()
	s.link.conns.offer(r.GetDials())
	v, err := s.make(c.ctx, r.GetConfig())
	if err != nil {
		return nil, c.status(err)
	}
	return &pb.ConfigureResponse{Features: featuresOf(v), Guarantee: convert.GuaranteeOf(v)}, nil
}

func (s *server) Check(ctx context.Context, _ *pb.CheckRequest) (*pb.CheckResponse, error) {
	v, c, err := beginOn[any](ctx, s)
	if err != nil {
		return nil, err
	}
	defer c.end()
	if checker, ok := v.(sdk.Checker); ok {
		err = checker.Check(c.ctx)
	}
	return &pb.CheckResponse{}, c.status(err)
}

func (s *server) Drain(ctx context.Context, _ *pb.DrainRequest) (*pb.DrainResponse, error) {
	if err := s.calls.drain(ctx); err != nil {
		return nil, toStatus(ctx, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if closer, ok := s.value.(io.Closer); ok {
		err = closer.Close()
	}
	s.link.conns.close(ctx) // not needed any more
	if err != nil {
		return nil, toStatus(ctx, err)
	}
	return &pb.DrainResponse{}, nil
}
