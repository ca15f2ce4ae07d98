// The plugin service: description, settings, end.

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// Features says what a configured plugin can do beyond what its kind must.
type Features struct {
	Check          bool // Check does something
	Open           bool // sink, transform: sdk.Opener
	Commit         bool // transform: sdk.Committer
	OutStreams     bool // transform: sdk.Streamer
	ParallelWrites bool // sink: Write may be called several times at once
	Finish         bool // sink: sdk.Finisher
	// Guarantee is what a sink says of itself; the zero value: it says nothing.
	Guarantee sdk.Guarantee
}

// Conn is a live plugin as the host sees it. Its methods, and those of what it hands out, may be called
// by several goroutines at once. Their errors have the plugin's own text and class; a broken connection is
// a *[LostError], a call whose context ended returns the context's error.
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

// Describe returns what the plugin says of itself. It needs neither OpenHost nor Configure before it.
func (c *Conn) Describe(ctx context.Context) (sdk.Info, error) {
	r, err := c.plugin.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return sdk.Info{}, fromStatus(ctx, err)
	}
	return infoFrom(r)
}

// Configure hands over the settings, a JSON object, once.
func (c *Conn) Configure(ctx context.Context, config json.RawMessage) (Features, error) {
	r, err := c.plugin.Configure(ctx, &pb.ConfigureRequest{Config: config, Dials: true})
	if err != nil {
		return Features{}, fromStatus(ctx, err)
	}
	f := featuresFrom(r.GetFeatures())
	f.Guarantee = guaranteeFrom(r.GetGuarantee())
	if f.Guarantee.Delivery == sdk.ExactlyOnce && !f.Open {
		return Features{}, sdk.Permanent(errors.New("the sink promises to deliver exactly once, but cannot be brought back to a token: it has no Open"))
	}
	if f.Commit && !f.Open {
		return Features{}, sdk.Permanent(errors.New("the plugin keeps state that it cannot be brought back to: it has Commit but no Open"))
	}
	c.features.Store(&f)
	return f, nil
}

// Check tries the settings against the real system. Without Features.Check it does nothing.
func (c *Conn) Check(ctx context.Context) error {
	_, err := c.plugin.Check(ctx, &pb.CheckRequest{})
	return fromStatus(ctx, err)
}

// Drain ends the plugin's calls, has it close what it holds, and returns when it has. The process still
// runs then; it takes no more calls.
func (c *Conn) Drain(ctx context.Context) error {
	_, err := c.plugin.Drain(ctx, &pb.DrainRequest{})
	if err == nil {
		c.tunnels.end(ctx) // the last bytes of the plugin's connections
	}
	return fromStatus(ctx, err)
}

// configured returns the features that Configure found; none before it.
func (c *Conn) configured() Features {
	if f := c.features.Load(); f != nil {
		return *f
	}
	return Features{}
}

// server is the plugin's side of all services.
type server struct {
	pb.UnimplementedPluginServiceServer
	plugin    sdk.Plugin
	link      *link
	calls     *calls
	connected func() // at every Describe, the host's first call; may be nil

	mu    sync.Mutex // guards value, held while it is made
	value any        // what plugin.New made; nil before
}

func newServer(p sdk.Plugin) *server {
	return &server{plugin: p, link: newLink(), calls: newCalls()}
}

// register offers the plugin service and the one of the plugin's kind.
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

func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	if s.connected != nil {
		s.connected()
	}
	return infoTo(s.plugin.Info), nil
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
	return &pb.ConfigureResponse{Features: featuresOf(v), Guarantee: guaranteeOf(v)}, nil
}

func (s *server) make(ctx context.Context, config json.RawMessage) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value != nil {
		return nil, sdk.Permanent(errors.New("the plugin was configured already"))
	}
	v, err := s.plugin.New(ctx, config)
	if err != nil {
		return nil, err
	}
	if !isKind(v, s.plugin.Kind) {
		return nil, sdk.Permanent(fmt.Errorf("the plugin says that it is a %s, but %T is none", s.plugin.Kind, v))
	}
	s.value = v
	return v, nil
}

func isKind(v any, k sdk.Kind) (ok bool) {
	switch k {
	case sdk.KindSource:
		_, ok = v.(sdk.Source)
	case sdk.KindTransform:
		_, ok = v.(sdk.Transform)
	case sdk.KindSink:
		_, ok = v.(sdk.Sink)
	}
	return ok
}

// beginOn starts a call that needs the plugin configured, and able to do what T says.
func beginOn[T any](ctx context.Context, s *server, fields ...string) (v T, c *call, err error) {
	s.mu.Lock()
	value := s.value
	s.mu.Unlock()
	v, ok := value.(T)
	switch {
	case value == nil:
		return v, nil, toStatus(ctx, sdk.Permanent(errors.New("the plugin has not been configured yet")))
	case !ok:
		return v, nil, toStatus(ctx, sdk.Permanent(errors.New("the plugin did not announce that it can do this")))
	}
	c, err = s.begin(ctx, fields...)
	return v, c, err
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
	s.link.conns.close(ctx) // what nobody will use any more
	if err != nil {
		return nil, toStatus(ctx, err)
	}
	return &pb.DrainResponse{}, nil
}

func featuresOf(v any) []pb.Feature {
	var out []pb.Feature
	if _, ok := v.(sdk.Checker); ok {
		out = append(out, pb.Feature_FEATURE_CHECK)
	}
	if _, ok := v.(sdk.Opener); ok {
		out = append(out, pb.Feature_FEATURE_OPEN)
	}
	if _, ok := v.(sdk.Streamer); ok {
		out = append(out, pb.Feature_FEATURE_OUT_STREAMS)
	}
	_, transform := v.(sdk.Transform) // a sink has Commit too, and must
	if _, ok := v.(sdk.Committer); ok && transform {
		out = append(out, pb.Feature_FEATURE_COMMIT)
	}
	if p, ok := v.(sdk.Parallel); ok && p.ParallelWrites() {
		out = append(out, pb.Feature_FEATURE_PARALLEL_WRITES)
	}
	if _, ok := v.(sdk.Finisher); ok {
		out = append(out, pb.Feature_FEATURE_FINISH)
	}
	return out
}

func featuresFrom(fs []pb.Feature) Features {
	has := func(f pb.Feature) bool { return slices.Contains(fs, f) }
	return Features{
		Check:          has(pb.Feature_FEATURE_CHECK),
		Open:           has(pb.Feature_FEATURE_OPEN),
		Commit:         has(pb.Feature_FEATURE_COMMIT),
		OutStreams:     has(pb.Feature_FEATURE_OUT_STREAMS),
		ParallelWrites: has(pb.Feature_FEATURE_PARALLEL_WRITES),
		Finish:         has(pb.Feature_FEATURE_FINISH),
	}
}

func infoTo(i sdk.Info) *pb.DescribeResponse {
	kind := map[sdk.Kind]pb.Kind{
		sdk.KindSource:    pb.Kind_KIND_SOURCE,
		sdk.KindTransform: pb.Kind_KIND_TRANSFORM,
		sdk.KindSink:      pb.Kind_KIND_SINK,
	}[i.Kind]
	return &pb.DescribeResponse{
		Name: i.Name, Version: i.Version, Kind: kind, Doc: validText(i.Doc),
		ConfigSchema: i.Config, Streams: each(i.Streams, streamTo), Permissions: permissionsTo(i.Permissions), Robots: i.Robots,
		PrivateDir: i.PrivateDir,
	}
}

func infoFrom(r *pb.DescribeResponse) (sdk.Info, error) {
	info := sdk.Info{
		Name: r.GetName(), Version: r.GetVersion(), Doc: r.GetDoc(),
		Config: rawJSON(r.GetConfigSchema()), Permissions: permissionsFrom(r.GetPermissions()), Robots: r.GetRobots(),
		PrivateDir: r.GetPrivateDir(),
	}
	if err := errors.Join(nameFault(info.Name), nameFault(info.Version)); err != nil {
		return info, sdk.Permanent(fmt.Errorf("the plugin calls itself %.100q, version %.100q: %w", info.Name, info.Version, err))
	}
	if n := len(info.Doc); n > maxDoc {
		return info, sdk.Permanent(fmt.Errorf("plugin %s: its doc has %d bytes, %d are the most", info.Name, n, maxDoc))
	}
	var err error
	if info.Streams, err = announced(r.GetStreams()); err != nil {
		return info, err
	}
	if err := info.Permissions.Check(); err != nil {
		return info, sdk.Permanent(fmt.Errorf("plugin %s: the permissions that it asks for: %w", info.Name, err))
	}
	switch r.GetKind() {
	case pb.Kind_KIND_SOURCE:
		info.Kind = sdk.KindSource
	case pb.Kind_KIND_TRANSFORM:
		info.Kind = sdk.KindTransform
	case pb.Kind_KIND_SINK:
		info.Kind = sdk.KindSink
	default:
		return info, sdk.Permanent(fmt.Errorf("plugin %s says that it is of kind %v, which this host does not know", info.Name, r.GetKind()))
	}
	return info, nil
}
