// A plugin that was built against an earlier protocol: all that is kept of it is its descriptor,
// proto/baseline.binpb. This host, and one that knows more messages and fields, run it as before.

package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/scrapekit/scrapekit/sdk"
)

// keptReplies are what the plugin answers, in JSON of the protocol that it knows.
var keptReplies = map[string][]string{
	"Describe":  {`{"name":"kept","version":"1.0.0","kind":"KIND_SOURCE","doc":"Built long ago.","configSchema":"e30="}`},
	"Configure": {`{}`},
	"Streams":   {`{"streams":[{"name":"posts","primaryKey":["id"]}]}`},
	"Plan":      {`{"splits":[{"id":"all","stream":"posts"}]}`},
	"Read": {`{"batch":{"stream":"posts","op":"OP_UPSERT","count":"1","payload":"eyJpZCI6MX0K"}}`,
		`{"cursor":"Mg=="}`},
	"Drain": {`{}`},
}

// keptPlugin serves by the kept descriptor alone: no generated code of today's is in it.
func keptPlugin(t *testing.T) *grpc.Server {
	t.Helper()
	raw, err := os.ReadFile("../../proto/baseline.binpb")
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		t.Fatal(err)
	}
	return grpc.NewServer(grpc.UnknownServiceHandler(func(_ any,
		s grpc.ServerStream) error {
		return keptAnswer(files, s)
	}))
}

func keptAnswer(files *protoregistry.Files, s grpc.ServerStream) error {
	full, _ := grpc.MethodFromServerStream(s)
	service, name, _ := strings.Cut(strings.TrimPrefix(full, "/"), "/")
	d, err := files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return err
	}
	method := d.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name))
	if method == nil {
		return fmt.Errorf("the kept plugin has no %s", full)
	}
	for first := true; first || method.IsStreamingClient(); first = false {
		if err := s.RecvMsg(dynamicpb.NewMessage(method.Input())); err != nil {
			break // the host has said all
		}
	}
	for _, text := range keptReplies[name] {
		reply := dynamicpb.NewMessage(method.Output())
		if err := protojson.Unmarshal([]byte(text), reply); err != nil {
			return err
		}
		if err := s.SendMsg(reply); err != nil {
			return err
		}
	}
	return nil
}

// newer adds a field that nobody knows to what is sent: an additive change.
type newer struct{ grpc.ClientStream }

func (n newer) SendMsg(m any) error {
	addUnknown(m)
	return n.ClientStream.SendMsg(m)
}

func addUnknown(m any) {
	field := protowire.AppendString(protowire.AppendTag(nil, 9999, protowire.BytesType), "of a later version")
	m.(proto.Message).ProtoReflect().SetUnknown(field)
}

// newerHost are the options of a host that knows more than today's.
func newerHost() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
			call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			addUnknown(req)
			return call(ctx, method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, d *grpc.StreamDesc, cc *grpc.ClientConn, method string,
			open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			s, err := open(ctx, d, cc, method, opts...)
			return newer{s}, err
		}),
	}
}

func TestKeptPluginRuns(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]grpc.DialOption{"this host": nil, "a newer host": newerHost()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testKept(t, keptPlugin(t), opts)
		})
	}
}

// TestTodaysPluginUnderANewerHost: what is built today is kept tomorrow.
func TestTodaysPluginUnderANewerHost(t *testing.T) {
	t.Parallel()
	g := grpc.NewServer(serverOptions()...)
	p := sdk.SourcePlugin(sdk.Info{Name: "kept", Version: "1.0.0", Doc: "Built today."},
		func(context.Context, struct{}) (sdk.Source, error) {
			return &fakeSource{read: func(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
				if err := w.EmitJSON("posts", json.RawMessage(`{"id":1}`)); err != nil {
					return err
				}
				return w.Cursor(2)
			}}, nil
		})
	if err := newServer(p).register(g); err != nil {
		t.Fatal(err)
	}
	testKept(t, g, newerHost())
}

func testKept(t *testing.T, g *grpc.Server, opts []grpc.DialOption) {
	t.Helper()
	pipe := bufconn.Listen(1 << 20)
	go func() { _ = g.Serve(pipe) }() // it ends with Stop
	t.Cleanup(g.Stop)
	cc, err := grpc.NewClient("passthrough:///kept", slices.Concat(DialOptions(), opts, []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	})...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	conn, ctx := newConn(cc), t.Context()
	info, err := conn.Describe(ctx)
	if err != nil || info.Name != "kept" || info.Kind != sdk.KindSource {
		t.Fatalf("describe: %+v, %v", info, err)
	}
	if _, err := conn.Configure(ctx, json.RawMessage(`{}`)); err != nil {
		t.Fatalf("configure: %v", err)
	}
	if streams, err := conn.Source().Streams(ctx); err != nil || len(streams) == 0 {
		t.Errorf("streams: %v, %v", streams, err)
	}
	splits, err := conn.Source().Plan(ctx, sdk.Plan{Streams: []string{"posts"}})
	if err != nil || len(splits) != 1 {
		t.Fatalf("plan: %v, %v", splits, err)
	}
	var r recorder
	if err := conn.Source().Read(ctx, splits[0], sdk.NewWriter(&r)); err != nil {
		t.Fatalf("read: %v", err)
	}
	if got := fmt.Sprint(r.events); !strings.Contains(got, `{"id":1}`) || !strings.Contains(got, "cursor 2") {
		t.Errorf("read: %s", got)
	}
	if err := conn.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
}
