// Package codec encodes and decodes protobuf messages without copying the payload of a sent batch.
//
// gRPC's own codec copies a message into a pooled buffer, which it zeroes first: three passes over
// the memory that are not needed. This codec encodes a message with a large payload as two pieces
// around the payload. The bytes on the wire are standard protobuf; only the order of fields
// differs.
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

// codec is used by both ends for all services on the connection, including go-plugin's. It has the
// name of the standard codec because the format is the same.
type codec struct {
	standard encoding.CodecV2
	buffers  *sync.Pool // *[]byte, for received messages
}

// New returns the codec.
func New() encoding.CodecV2 {
	return codec{
		standard: encoding.GetCodecV2(protocodec.Name),
		buffers:  &sync.Pool{New: func() any { return new([]byte) }},
	}
}

func (codec) Name() string { return protocodec.Name }

// Marshal does not copy the payload of a batch, because a batch does not change after it was passed
// on. gRPC owns the data of a chunk until it is written; then the buffer is reused.
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

// join encodes rest, which is the message without its batches, followed by the batches.
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

// chunkOf encodes a part of a body: its fields, then its data.
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

// lone encodes a message with a single field of bytes, which gRPC owns until they are written; then
// the buffer is reused.
func lone(field protowire.Number, data []byte) mem.BufferSlice {
	head := protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(len(data)))
	return mem.BufferSlice{mem.SliceBuffer(head), mem.NewBuffer(&data, &chunk.Buffers)}
}

// Unmarshal joins the pieces of a message in a reused buffer that is not zeroed.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return c.standard.Unmarshal(data, v)
	}
	if len(data) == 1 {
		return proto.Unmarshal(data[0].ReadOnlyData(), m)
	}
	const keep = 4 << 20 // larger buffers are rare and not kept
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
