// Package codec writes and reads messages: protobuf as ever, but for the payload of a batch, which
// is not copied on its way out.
//
// gRPC's own codec copies a message into a buffer from a pool, which it zeroes first: three passes
// over the memory where none is needed. Here a message with a large payload is encoded as two
// pieces around the payload itself. The bytes on the wire are plain protobuf, though the order of
// the fields is ours.
package codec

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/chunk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// Field numbers of the proto files.
const (
	fieldPayload      protowire.Number = 4 // Batch.payload
	fieldReadBatch    protowire.Number = 1 // ReadResponse.batch
	fieldRequestBatch protowire.Number = 1 // WriteRequest.batch, TransformRequest.batch
	fieldReplyBatches protowire.Number = 1 // TransformResponse.batches
	fieldFetchID      protowire.Number = 1 // FromHost.id
	fieldFetchChunk   protowire.Number = 3 // FromHost.fetch_chunk
	fieldChunkData    protowire.Number = 1 // FetchChunk.data
	fieldChunkLast    protowire.Number = 2 // FetchChunk.last
	fieldDialData     protowire.Number = 2 // DialRequest.data
	fieldDialledData  protowire.Number = 1 // DialResponse.data
)

// codec is used by both ends for all services on the connection, go-plugin's too. Its name is that
// of the standard codec, because what it writes is the same format.
type codec struct {
	standard encoding.CodecV2
	buffers  *sync.Pool // of *[]byte, for messages on their way in
}

// New returns the codec.
func New() encoding.CodecV2 {
	return codec{
		standard: encoding.GetCodecV2(protocodec.Name),
		buffers:  &sync.Pool{New: func() any { return new([]byte) }},
	}
}

func (codec) Name() string { return protocodec.Name }

// Marshal keeps the payload of a batch as it is: a batch that was handed over is not changed any
// more. The data of a chunk is gRPC's until it is written, and then used again.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *pb.ReadResponse:
		if e, ok := m.GetEvent().(*pb.ReadResponse_Batch); ok {
			return join(&pb.ReadResponse{Counters: m.GetCounters()}, fieldReadBatch, e.Batch)
		}
	case *pb.WriteRequest:
		return join(&pb.WriteRequest{}, fieldRequestBatch, m.GetBatch())
	case *pb.TransformRequest:
		return join(&pb.TransformRequest{}, fieldRequestBatch, m.GetBatch())
	case *pb.TransformResponse:
		return join(&pb.TransformResponse{Rejects: m.GetRejects(), Counters: m.GetCounters()}, fieldReplyBatches,
			m.GetBatches()...)
	case *pb.FromHost:
		if e, ok := m.GetMessage().(*pb.FromHost_FetchChunk); ok && len(e.FetchChunk.GetData()) > 0 {
			return chunkOf(m.GetId(), e.FetchChunk), nil
		}
	case *pb.DialRequest:
		if e, ok := m.GetMessage().(*pb.DialRequest_Data); ok {
			return lone(fieldDialData, e.Data), nil
		}
	case *pb.DialResponse:
		if e, ok := m.GetMessage().(*pb.DialResponse_Data); ok {
			return lone(fieldDialledData, e.Data), nil
		}
	}
	if m, ok := v.(proto.Message); ok {
		raw, err := proto.Marshal(m)
		return mem.BufferSlice{mem.SliceBuffer(raw)}, err
	}
	return c.standard.Marshal(v)
}

// join encodes rest, which is the message without its batches, and the batches after it.
func join(rest proto.Message, field protowire.Number, batches ...*pb.Batch) (mem.BufferSlice, error) {
	piece, err := proto.Marshal(rest)
	if err != nil {
		return nil, err
	}
	var out mem.BufferSlice
	for _, b := range batches {
		head, err := proto.Marshal(&pb.Batch{Stream: b.GetStream(), Op: b.GetOp(), Count: b.GetCount()})
		if err != nil {
			return nil, err
		}
		head = protowire.AppendTag(head, fieldPayload, protowire.BytesType)
		head = protowire.AppendVarint(head, uint64(len(b.GetPayload())))
		piece = protowire.AppendTag(piece, field, protowire.BytesType)
		piece = protowire.AppendVarint(piece, uint64(len(head)+len(b.GetPayload())))
		piece = append(piece, head...)
		out = append(out, mem.SliceBuffer(piece), mem.SliceBuffer(b.GetPayload()))
		piece = nil
	}
	if len(piece) > 0 {
		out = append(out, mem.SliceBuffer(piece))
	}
	return out, nil
}

// chunkOf encodes a part of a body: what is said of it, and then its data.
func chunkOf(id uint64, c *pb.FetchChunk) mem.BufferSlice {
	var inner []byte
	if c.GetLast() {
		inner = protowire.AppendTag(inner, fieldChunkLast, protowire.VarintType)
		inner = protowire.AppendVarint(inner, 1)
	}
	data := c.GetData()
	inner = protowire.AppendTag(inner, fieldChunkData, protowire.BytesType)
	inner = protowire.AppendVarint(inner, uint64(len(data)))
	var head []byte
	if id != 0 {
		head = protowire.AppendTag(head, fieldFetchID, protowire.VarintType)
		head = protowire.AppendVarint(head, id)
	}
	head = protowire.AppendTag(head, fieldFetchChunk, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(inner)+len(data)))
	return mem.BufferSlice{mem.SliceBuffer(append(head, inner...)), mem.NewBuffer(&data, &chunk.Buffers)}
}

// lone encodes a message of one field of bytes, which are gRPC's until they are written, and then
// used again.
func lone(field protowire.Number, data []byte) mem.BufferSlice {
	head := protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(len(data)))
	return mem.BufferSlice{mem.SliceBuffer(head), mem.NewBuffer(&data, &chunk.Buffers)}
}

// Unmarshal puts the pieces of a message together in a buffer that is used again, and not zeroed
// between.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return c.standard.Unmarshal(data, v)
	}
	if len(data) == 1 {
		return proto.Unmarshal(data[0].ReadOnlyData(), m)
	}
	const keep = 4 << 20 // larger buffers are rare, and not worth keeping
	buf := c.buffers.Get().(*[]byte)
	whole := (*buf)[:0]
	for _, piece := range data {
		whole = append(whole, piece.ReadOnlyData()...)
	}
	err := proto.Unmarshal(whole, m)
	if cap(whole) <= keep {
		*buf = whole
		c.buffers.Put(buf)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.ProtoReflect().Descriptor().FullName(), err)
	}
	return nil
}
