// Benchmarks: what a batch costs on its way over a real unix socket.

package rpc

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// BenchmarkRead reads batches of 256 KiB through a source over a unix socket. Client and server
// share the process: the CPU time is that of both ends.
func BenchmarkRead(b *testing.B) {
	batch := batchOf(256<<10, 400)
	c := overUnixSocket(b, sourceOf(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
		for range b.N {
			if err := w.Batch(batch); err != nil {
				return err
			}
		}
		return nil
	}))
	b.SetBytes(int64(len(batch.Payload)))
	b.ReportAllocs()
	b.ResetTimer()
	out := &recorder{}
	if err := c.Source().Read(b.Context(), sdk.Split{ID: "s"}, sdk.NewWriter(out)); err != nil {
		b.Fatal(err)
	}
	if out.records != b.N*batch.Count {
		b.Fatalf("%d records came, want %d", out.records, b.N*batch.Count)
	}
}

// BenchmarkWrite sends the same batches to a sink, one call each.
func BenchmarkWrite(b *testing.B) {
	batch := batchOf(256<<10, 400)
	c := overUnixSocket(b, sinkOf(&memorySink{}))
	b.SetBytes(int64(len(batch.Payload)))
	b.ReportAllocs()
	sink := c.Sink()
	for b.Loop() {
		if err := sink.Write(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

func overUnixSocket(tb testing.TB, p sdk.Plugin) *Conn {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	c, end, err := serveOn(tb.Context(), p, l, func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(end)
	if _, err := c.Configure(tb.Context(), nil); err != nil {
		tb.Fatal(err)
	}
	return c
}
