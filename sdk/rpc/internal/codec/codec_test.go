// The codec writes plain protobuf, and reads what any protobuf library writes.

package codec

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

func codecMessages(stream string, count int64, payload []byte) []proto.Message {
	b := &pb.Batch{Stream: stream, Op: pb.Op_OP_DELETE, Count: count, Payload: payload}
	counters := []*pb.Counter{{Name: stream, N: count}}
	rejects := []*pb.Reject{{Stream: stream, Record: payload, Reason: "r"}}
	return []proto.Message{
		&pb.ReadResponse{Event: &pb.ReadResponse_Batch{Batch: b}, Counters: counters},
		&pb.ReadResponse{Event: &pb.ReadResponse_Batch{Batch: &pb.Batch{}}},
		&pb.ReadResponse{Event: &pb.ReadResponse_Cursor{Cursor: payload}, Counters: counters},
		&pb.ReadResponse{Counters: counters},
		&pb.WriteRequest{Batch: b},
		&pb.TransformRequest{Batch: b},
		&pb.TransformResponse{Batches: []*pb.Batch{b, {Stream: "other"}, b}, Rejects: rejects, Counters: counters},
		&pb.TransformResponse{},
		&pb.FromHost{Id: 7, Message: &pb.FromHost_FetchChunk{FetchChunk: &pb.FetchChunk{Data: payload}}},
		&pb.FromHost{Message: &pb.FromHost_FetchChunk{FetchChunk: &pb.FetchChunk{Data: payload, Last: true}}},
		&pb.FromHost{Id: 1 << 60, Message: &pb.FromHost_FetchChunk{FetchChunk: &pb.FetchChunk{Last: true}}},
	}
}

func FuzzCodecWritesProtobuf(f *testing.F) {
	f.Add("issues", int64(2), []byte("{}\n{}\n"), uint8(3))
	f.Add("", int64(0), []byte{}, uint8(0))
	f.Add("long", int64(1), bytes.Repeat([]byte("x"), 70_000), uint8(200))
	c := New()
	f.Fuzz(func(t *testing.T, stream string, count int64, payload []byte, cut uint8) {
		for _, m := range codecMessages(text.Valid(stream), count, payload) {
			data, err := c.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			raw := data.Materialize()
			plain := m.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(raw, plain); err != nil {
				t.Fatalf("%T is no protobuf: %v", m, err)
			}
			if !proto.Equal(plain, m) {
				t.Fatalf("%T came out as %v, want %v", m, plain, m)
			}
			back := m.ProtoReflect().New().Interface()
			at := min(int(cut), len(raw))
			if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw[:at]), mem.SliceBuffer(raw[at:])},
				back); err != nil {
				t.Fatal(err)
			}
			clear(raw) // gRPC uses its buffers again: nothing of them may be kept
			if !proto.Equal(back, m) {
				t.Fatalf("%T was read as %v, want %v", m, back, m)
			}
		}
	})
}

func TestCodecDoesNotCopyAPayload(t *testing.T) {
	t.Parallel()
	payload := []byte("{}\n")
	for _, m := range []proto.Message{
		&pb.ReadResponse{Event: &pb.ReadResponse_Batch{Batch: &pb.Batch{Payload: payload}}},
		&pb.WriteRequest{Batch: &pb.Batch{Payload: payload}},
		&pb.TransformRequest{Batch: &pb.Batch{Payload: payload}},
		&pb.TransformResponse{Batches: []*pb.Batch{{Payload: payload}}},
		&pb.FromHost{Id: 7, Message: &pb.FromHost_FetchChunk{FetchChunk: &pb.FetchChunk{Data: payload, Last: true}}},
	} {
		data, err := New().Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		same := false
		for _, piece := range data {
			same = same || piece.Len() == len(payload) && &piece.ReadOnlyData()[0] == &payload[0]
		}
		if !same {
			t.Errorf("%T: no piece is the payload itself", m)
		}
	}
}

func TestCodecRefusesAStreamNameThatIsNoText(t *testing.T) {
	t.Parallel()
	if _, err := New().Marshal(&pb.WriteRequest{Batch: &pb.Batch{Stream: "\xff"}}); err == nil {
		t.Error("no error")
	}
}

func TestCodecRefusesWhatIsNoProtobuf(t *testing.T) {
	t.Parallel()
	bad := mem.BufferSlice{mem.SliceBuffer([]byte{0xff}), mem.SliceBuffer([]byte{0xff})}
	if err := New().Unmarshal(bad, &pb.WriteRequest{}); err == nil {
		t.Error("no error")
	}
}
