// Options of both ends: message limits, flow-control windows and buffers.

package rpc

import (
	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/codec"
)

const (
	// streamWindow is how much one Read may send ahead of its reader: a few batches. It bounds the
	// host's memory, splits under way times this. 2 MiB saves no CPU time, 4 MiB a sixth.
	streamWindow = 1 << 20
	// connWindow is shared by all streams of a connection. gRPC frees it on receipt, not on
	// reading, so a slow reader of one stream does not stop the others.
	connWindow = 16 << 20
	// ioBuffer is the size of the buffers before the socket, in bytes: room for a whole batch saves
	// a quarter of the CPU time of 128 KiB, by fewer and longer system calls.
	ioBuffer = 512 << 10
)

// DialOptions are the host's: limits, windows and buffers for large batches over a local socket.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(MaxMessage),
			grpc.MaxCallSendMsgSize(MaxMessage),
			grpc.ForceCodecV2(codec.New()),
		),
		grpc.WithStaticStreamWindowSize(streamWindow),
		grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithReadBufferSize(ioBuffer),
		grpc.WithWriteBufferSize(ioBuffer),
		grpc.WithDisableRetry(), // otherwise gRPC keeps every sent message until its reply
		grpc.WithIdleTimeout(0), // a waiting plugin is not idle
	}
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.ForceServerCodecV2(codec.New()),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.ReadBufferSize(ioBuffer),
		grpc.WriteBufferSize(ioBuffer),
	}
}
