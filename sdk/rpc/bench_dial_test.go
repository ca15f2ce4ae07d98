// Benchmark: what a connection by way of the host costs.

//go:build unix

package rpc

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// BenchmarkDial carries bytes to a server on loopback by way of the host, over a unix socket as
// between two processes, and without it: sent by the plugin, to the plugin, and a question of 100
// bytes with an answer, one at a time. cpu-ns/op is the time of both ends, of the far end and of
// whatever lies between.
func BenchmarkDial(b *testing.B) {
	ways := map[string]func(context.Context, string, string) (net.Conn, error){"direct": new(net.Dialer).DialContext}
	var d dialing
	c := overUnixSocket(b, d.plugin())
	ctx, cancel := context.WithCancel(b.Context())
	wait, err := c.OpenHost(ctx, sdk.Host{Dial: ways["direct"]})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { cancel(); _ = wait() }()
	ways["by the host"] = func(ctx context.Context, network, address string) (net.Conn, error) {
		return d.dialer.DialContext(ctx, network, address)
	}
	const part = 256 << 10
	for _, way := range []string{"direct", "by the host"} {
		ends := func(b *testing.B) (near, far net.Conn) {
			l := listen(b)
			near, err := ways[way](b.Context(), "tcp", l.Addr().String())
			if err == nil {
				far, err = l.Accept()
			}
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { near.Close(); far.Close() })
			return near, far
		}
		stream := func(b *testing.B, from, to net.Conn) {
			b.SetBytes(part)
			defer cpu(b)()
			done := make(chan error, 1)
			b.ResetTimer()
			go func() {
				_, err := io.CopyN(io.Discard, struct{ io.Reader }{to}, part*int64(b.N))
				done <- err
			}()
			data := make([]byte, part)
			for range b.N {
				if _, err := from.Write(data); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		b.Run("sends/"+way, func(b *testing.B) { near, far := ends(b); stream(b, near, far) })
		b.Run("receives/"+way, func(b *testing.B) { near, far := ends(b); stream(b, far, near) })
		b.Run("asks/"+way, func(b *testing.B) {
			near, far := ends(b)
			go func() { _, _ = io.Copy(far, struct{ io.Reader }{far}) }()
			data := make([]byte, 100)
			defer cpu(b)()
			for range b.N {
				if _, err := near.Write(data); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(near, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// cpu measures the time that this process computes, which other processes do not disturb.
func cpu(b *testing.B) func() {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}
