package rpc

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// wire is a message as it travels.
func wire(f *testing.F, m proto.Message) []byte {
	f.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

// FuzzBatch: of a batch that is taken from a plugin, the count is that of its records.
func FuzzBatch(f *testing.F) {
	for _, b := range []*pb.Batch{
		{Stream: "s", Op: pb.Op_OP_UPSERT, Count: 2, Payload: []byte("{}\n[]\n")},
		{Stream: "s", Op: pb.Op_OP_DELETE, Count: 1, Payload: []byte("{}\n")},
		{Stream: "s", Op: pb.Op_OP_UPSERT, Count: 1, Payload: []byte("\n")},
		{Stream: "s", Op: pb.Op_OP_UPSERT, Count: -1, Payload: []byte("{}")},
		{Op: 99, Count: 1 << 62},
	} {
		f.Add(wire(f, b))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m pb.Batch
		if proto.Unmarshal(raw, &m) != nil {
			return
		}
		b, err := convert.CheckedBatch(&m)
		if err != nil {
			if !sdk.IsPermanent(err) {
				t.Errorf("%v: the plugin would send it again", err)
			}
			return
		}
		records := slices.Collect(b.Records())
		if len(records) != b.Count {
			t.Errorf("%d records, %d counted", len(records), b.Count)
		}
		if slices.ContainsFunc(records, func(r []byte) bool { return len(r) == 0 }) {
			t.Errorf("%q holds an empty record", b.Payload)
		}
	})
}

// said is a plugin's end of the reverse stream that has said all that it will ever say.
type said struct {
	grpc.BidiStreamingClient[pb.FromHost, pb.FromPlugin]
	from *bytes.Reader
	sent []*pb.FromHost
}

func (s *said) Recv() (*pb.FromPlugin, error) {
	var m pb.FromPlugin
	if err := protodelim.UnmarshalFrom(s.from, &m); err != nil {
		return nil, io.EOF
	}
	return &m, nil
}

func (s *said) Send(m *pb.FromHost) error {
	s.sent = append(s.sent, m)
	return nil
}

type answers struct{}

func (answers) RoundTrip(req *http.Request) (*http.Response, error) {
	text := strings.Repeat(req.URL.Path, 3)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)), Request: req}, nil
}

func keepsNothing(req *http.Request, _ string, _ reply.Expect) (reply.File, error) {
	return reply.File{}, &reply.NotKept{Status: 404, URL: req.URL.String()}
}

func noDial(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }

// FuzzReverseStream: whatever a plugin asks of the host, it ends, and only what was asked for is
// answered.
func FuzzReverseStream(f *testing.F) {
	add := func(all ...*pb.FromPlugin) {
		var b bytes.Buffer
		for _, m := range all {
			if _, err := protodelim.MarshalTo(&b, m); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(b.Bytes())
	}
	get := &pb.Fetch{Method: "GET", Url: "http://a.b/c", Headers: []*pb.Header{{Name: "X", Value: "y"}}}
	fetch := func(id uint64, m *pb.Fetch) *pb.FromPlugin {
		return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Fetch{Fetch: m}}
	}
	window := func(id uint64, n int64) *pb.FromPlugin {
		return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_FetchWindow{FetchWindow: &pb.FetchWindow{Bytes: n}}}
	}
	add(fetch(1, get), window(1, 1<<62), window(1, -1<<62), fetch(2, get))
	add(fetch(1, get), fetch(1, get))
	add(fetch(1, &pb.Fetch{Method: "GET\r\n", Url: "::", Classes: []*pb.ReplyClass{{Status: -1, Text: "x"}}}),
		window(9, 1))
	add(&pb.FromPlugin{Message: &pb.FromPlugin_Cancel{}}, &pb.FromPlugin{},
		&pb.FromPlugin{Message: &pb.FromPlugin_Log{}}, &pb.FromPlugin{Message: &pb.FromPlugin_Counter{}})
	dial := func(id uint64) *pb.FromPlugin {
		return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Dial{Dial: &pb.Dial{Network: "tcp", Address: "a.b:1"}}}
	}
	keep := func(id uint64, url string) *pb.FromPlugin {
		return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Keep{Keep: &pb.Keep{Key: "k", Url: url,
			Size: new(int64(-1))}}}
	}
	add(keep(1, "http://a.b/c"), keep(2, "::"), keep(2, ""), fetch(3, get))
	hangUp := func(id uint64) *pb.FromPlugin {
		return &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_DialCancel{}}
	}
	add(dial(1), dial(1), hangUp(1), hangUp(2), dial(3), fetch(3, get))
	var flood []*pb.FromPlugin
	for id := range uint64(2 * neterr.MaxConns) {
		flood = append(flood, dial(id))
	}
	add(flood...)
	f.Fuzz(func(t *testing.T, raw []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &said{from: bytes.NewReader(raw)}
		asked := map[uint64]bool{}
		for all := (&said{from: bytes.NewReader(raw)}); ; {
			m, err := all.Recv()
			if err != nil {
				break
			}
			if m.GetFetch() != nil || m.GetDial() != nil || m.GetKeep() != nil || m.GetMessage() == nil {
				asked[m.GetId()] = true
			}
		}
		d := newPluginServer(ctx, &Conn{},
			sdk.Host{Transport: answers{}, Keep: keepsNothing, Count: func(string, int64) {},
				Dial: noDial}, s)
		if err := d.serve(); err == nil {
			t.Error("the stream ended without an error")
		}
		cancel()
		d.end()
		for _, m := range s.sent {
			if !asked[m.GetId()] {
				t.Errorf("an answer to %d, which was not asked", m.GetId())
			}
		}
	})
}

// FuzzStatus: an error that a plugin made keeps its class, and none is no error.
func FuzzStatus(f *testing.F) {
	f.Add(wire(f, status.Convert(toStatus(context.Background(), sdk.Permanent(io.EOF))).Proto()))
	f.Add(wire(f, status.Convert(toStatus(context.Background(), sdk.RetryAfter(io.EOF, 1<<62))).Proto()))
	f.Add(wire(f, status.New(codes.Unavailable, "\x1b[2J").Proto()))
	f.Add(wire(f, status.New(codes.Code(1<<31), "").Proto()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := status.New(codes.OK, "").Proto()
		if proto.Unmarshal(raw, m) != nil || m.GetCode() == 0 {
			return
		}
		err := fromStatus(t.Context(), status.ErrorProto(m))
		if err == nil {
			t.Fatalf("code %d became no error", m.GetCode())
		}
		if d := sdk.RetryDelay(err); d < 0 {
			t.Errorf("it is to be tried again after %s", d)
		}
		_ = err.Error()
	})
}
