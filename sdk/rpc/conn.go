// Conn: a live plugin, as the host sees it.

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// Conn is a live plugin as the host sees it. Its methods, and those of its results, may be called
// by several goroutines at the same time. Their errors have the plugin's text and class. A broken
// connection is a *[LostError]; a cancelled call returns the context's error.
type Conn struct {
	cc        *grpc.ClientConn
	plugin    pb.PluginServiceClient
	source    pb.SourceServiceClient
	transform pb.TransformServiceClient
	sink      pb.SinkServiceClient
	features  atomic.Pointer[Features]
	tunnels   tunnels
}

func newConn(cc *grpc.ClientConn) *Conn {
	return &Conn{
		cc:        cc,
		plugin:    pb.NewPluginServiceClient(cc),
		source:    pb.NewSourceServiceClient(cc),
		transform: pb.NewTransformServiceClient(cc),
		sink:      pb.NewSinkServiceClient(cc),
	}
}

// Describe returns the plugin's description. It may be called before OpenHost and Configure.
func (c *Conn) Describe(ctx context.Context) (sdk.Info, error) {
	r, err := c.plugin.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return sdk.Info{}, fromStatus(ctx, err)
	}
	return convert.InfoFrom(r)
}

// Configure sends the settings, a JSON object. Call it once.
func (c *Conn) Configure(ctx context.Context, config json.RawMessage) (Features, error) {
	r, err := c.plugin.Configure(ctx, &pb.ConfigureRequest{Config: config, Dials: true})
	if err != nil {
		return Features{}, fromStatus(ctx, err)
	}
	f := featuresFrom(r.GetFeatures())
	f.Guarantee = convert.GuaranteeFrom(r.GetGuarantee())
	if f.Guarantee.Delivery == sdk.ExactlyOnce && !f.Open {
		return Features{}, sdk.Permanent(
			errors.New("the sink promises to deliver exactly once, but cannot be brought back to a token: it has " +
				"no Open"))
	}
	if f.Commit && !f.Open {
		return Features{}, sdk.Permanent(
			errors.New("the plugin keeps state that it cannot be brought back to: it has Commit but no Open"))
	}
	c.features.Store(&f)
	return f, nil
}

// Check tries the settings against the real system. Without Features.Check it does nothing.
func (c *Conn) Check(ctx context.Context) error {
	_, err := c.plugin.Check(ctx, &pb.CheckRequest{})
	return fromStatus(ctx, err)
}

// Drain cancels the plugin's calls and has it close its resources. The process still runs
// afterwards, but accepts no calls.
func (c *Conn) Drain(ctx context.Context) error {
	_, err := c.plugin.Drain(ctx, &pb.DrainRequest{})
	if err == nil {
		c.tunnels.end(ctx) // flushes the plugin's connections
	}
	return fromStatus(ctx, err)
}

// configured returns the features after Configure; none before.
func (c *Conn) configured() Features {
	if f := c.features.Load(); f != nil {
		return *f
	}
	return Features{}
}
