// Connections by way of the host, in one process: a net.Conn in every respect.

package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
)

// dialing is a plugin that hands out its dialer.
type dialing struct {
	memorySink
	dialer *sdk.Dialer
	closes func() // called when the plugin is closed; may be nil
}

func (d *dialing) Close() error {
	if d.closes != nil {
		d.closes()
	}
	return nil
}

func (d *dialing) plugin() sdk.Plugin {
	p := pluginOf(sdk.KindSink, nil)
	p.New = func(ctx context.Context, _ json.RawMessage) (any, error) {
		d.dialer = sdk.DialerOf(ctx)
		return d, nil
	}
	return p
}

// dialer returns the dialer of a plugin behind the wire, whose host connects as dial does; nil: as
// net does.
func dialer(tb testing.TB, dial func(context.Context, string, string) (net.Conn, error)) *sdk.Dialer {
	tb.Helper()
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	var d dialing
	connect(tb, d.plugin(), sdk.Host{Dial: dial})
	return d.dialer
}

// listen listens on loopback.
func listen(tb testing.TB) *net.TCPListener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// pair returns both ends of a connection of a plugin's: its own, and the far one.
func pair(tb testing.TB, d *sdk.Dialer, l *net.TCPListener) (near, far net.Conn) {
	tb.Helper()
	near, err := d.DialContext(tb.Context(), "tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { near.Close() })
	if far, err = l.Accept(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { far.Close() })
	return near, far
}

// TestConn holds a connection to the conformance suite of package net's own.
func TestConn(t *testing.T) {
	t.Parallel()
	d := dialer(t, nil)
	for name, turned := range map[string]bool{"as it is": false, "turned round": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				own := listen(t) // or two tests would get each other's
				if c1, err = d.DialContext(context.Background(), "tcp", own.Addr().String()); err != nil {
					return nil, nil, nil, err
				}
				if c2, err = own.Accept(); err != nil {
					return nil, nil, nil, err
				}
				near, far := c1, c2
				if turned {
					c1, c2 = c2, c1
				}
				return c1, c2, func() { near.Close(); far.Close(); own.Close() }, nil
			})
		})
	}
}

func TestConnAddresses(t *testing.T) {
	t.Parallel()
	near, far := pair(t, dialer(t, nil), listen(t))
	if near.LocalAddr().String() != far.RemoteAddr().String() ||
		near.RemoteAddr().String() != far.LocalAddr().String() {
		t.Errorf("it says %v to %v, the far end %v to %v", near.LocalAddr(), near.RemoteAddr(), far.RemoteAddr(),
			far.LocalAddr())
	}
	if _, ok := near.RemoteAddr().(*net.TCPAddr); !ok {
		t.Errorf("its address is a %T", near.RemoteAddr())
	}
}

// TestHalfClose: either side may end what it sends and go on to read.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	near, far := pair(t, dialer(t, nil), listen(t))
	asked := bytes.Repeat([]byte("question "), 1<<17) // more than all buffers
	answer := make(chan []byte, 1)
	go func() {
		got, err := io.ReadAll(far)
		if err != nil || !bytes.Equal(got, asked) {
			t.Errorf("the far end has read %d bytes, want %d: %v", len(got), len(asked), err)
		}
		_, err = far.Write(bytes.ToUpper(got))
		if err = errors.Join(err, far.Close()); err != nil {
			t.Error(err)
		}
	}()
	go func() {
		got, err := io.ReadAll(near)
		if err != nil {
			t.Error(err)
		}
		answer <- got
	}()
	if _, err := near.Write(asked); err != nil {
		t.Fatal(err)
	}
	if err := near.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write([]byte("more")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a write after CloseWrite: %v", err)
	}
	if got := <-answer; !bytes.Equal(got, bytes.ToUpper(asked)) {
		t.Errorf("the answer is %d bytes long, want %d", len(got), len(asked))
	}
	if n, err := near.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// TestDialErrors: a plugin can tell what went wrong as it could with package net, by the type and
// by the text.
func TestDialErrors(t *testing.T) {
	t.Parallel()
	dead := listen(t)
	dead.Close()
	_, refused := net.Dial("tcp", dead.Addr().String())
	for name, c := range map[string]struct {
		err  error
		text string
		is   error
	}{
		"refused": {refused, "connect: connection refused", syscall.ECONNREFUSED},
		"timed out": {&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, "i/o timeout",
			syscall.ETIMEDOUT},
		"unreachable": {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)},
			"connect: network is unreachable", syscall.EHOSTUNREACH},
		"not granted": {sdk.Permanent(fmt.Errorf("it is %w: write this", sdk.ErrNotGranted)),
			"it is not granted: write this", sdk.ErrNotGranted},
		"no such host": {&net.OpError{Op: "dial",
			Err: &net.DNSError{Err: "no such host", Name: "db.example", Server: "10.0.0.1:53", IsNotFound: true}},
			"lookup db.example: no such host", nil},
		"other": {errors.New("odd \xff"), "odd \uFFFD", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dialer(t, func(context.Context, string, string) (net.Conn, error) { return nil, c.err })
			_, err := d.DialContext(t.Context(), "tcp", "db.example:5432")
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" || err.Error() != "dial tcp db.example:5432: "+c.text {
				t.Fatalf("%T %v", err, err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is no %v", err, c.is)
			}
			var dns *net.DNSError
			if got, want := errors.As(err, &dns) && dns.IsNotFound, name == "no such host"; got != want {
				t.Errorf("no such host: %v", got)
			}
			if got, want := op.Timeout(), name == "timed out"; got != want {
				t.Errorf("timed out: %v", got)
			}
			if got, want := sdk.IsPermanent(err), sdk.IsPermanent(c.err); got != want {
				t.Errorf("permanent: %v", got)
			}
		})
	}
}

// TestReset: that the far end breaks off is not the end of the data, in both directions.
func TestReset(t *testing.T) {
	t.Parallel()
	near, far := pair(t, dialer(t, nil), listen(t))
	if _, err := far.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(near, got); err != nil {
		t.Fatal(err)
	}
	if err := far.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	far.Close()
	var op *net.OpError
	if _, err := near.Read(got); !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "read" {
		t.Errorf("read: %v", err)
	}
	if _, err := near.Write(got); !errors.Is(err, syscall.ECONNRESET) || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("write: %v", err)
	}
}

// TestLastWords: what the far end said before it broke off is read, though a write has failed
// since.
func TestLastWords(t *testing.T) {
	t.Parallel()
	near, far := pair(t, dialer(t, nil), listen(t))
	if _, err := far.Write([]byte("FATAL: no")); err != nil {
		t.Fatal(err)
	}
	far.Close()
	for { // until the host has found out
		if _, err := near.Write([]byte("query")); err != nil {
			break
		}
	}
	got := make([]byte, 9)
	if _, err := io.ReadFull(near, got); err != nil || string(got) != "FATAL: no" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestBackPressure: who sends faster than the other takes is held back, in both directions, however
// much there is.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	const enough = 64 << 20 // a system's buffers take a few MiB
	near, far := pair(t, dialer(t, nil), listen(t))
	for name, c := range map[string]net.Conn{"plugin": near, "far end": far} {
		if err := c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(make([]byte, enough))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n > enough/2 {
			t.Errorf("the %s has sent %d MiB that nobody reads: %v", name, n>>20, err)
		}
		if err := c.SetWriteDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		other := map[net.Conn]net.Conn{near: far, far: near}[c]
		if got, err := io.CopyN(io.Discard, other, int64(n)); err != nil || got != int64(n) {
			t.Errorf("of %d bytes that the %s has sent %d came: %v", n, name, got, err)
		}
	}
}

// TestStalledBothWays: a plugin that reads gets through, though its own writes are stuck.
func TestStalledBothWays(t *testing.T) {
	t.Parallel()
	near, far := pair(t, dialer(t, nil), listen(t))
	const much = 32 << 20
	var all sync.WaitGroup
	all.Go(func() { // it answers before it reads
		_, err := far.Write(make([]byte, much))
		if err == nil {
			_, err = io.CopyN(io.Discard, far, much)
		}
		if err != nil {
			t.Error(err)
		}
	})
	all.Go(func() {
		if _, err := near.Write(make([]byte, much)); err != nil {
			t.Error(err)
		}
	})
	if _, err := io.CopyN(io.Discard, near, much); err != nil {
		t.Error(err)
	}
	all.Wait()
}

// TestConnLimit: a plugin has so many connections and no more; one that it closes makes room.
func TestConnLimit(t *testing.T) {
	t.Parallel()
	l := listen(t)
	d := dialer(t, nil)
	var open []net.Conn
	for range neterr.MaxConns {
		c, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	if _, err := d.Dial("tcp", l.Addr().String()); err == nil ||
		!strings.Contains(err.Error(), "too many connections at once: a plugin may have 64") {
		t.Errorf("one more than there may be: %v", err)
	}
	open[0].Close()
	for {
		c, err := d.Dial("tcp", l.Addr().String())
		if err == nil {
			c.Close()
			break
		}
		if !strings.Contains(err.Error(), "too many") {
			t.Fatal(err)
		}
	}
	for _, c := range open[1:] {
		c.Close()
	}
}

// TestDialGivenUp: the host gives up what the plugin has, and nobody gets what comes late.
func TestDialGivenUp(t *testing.T) {
	t.Parallel()
	started, ended := make(chan struct{}), make(chan error, 1)
	d := dialer(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(started)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := d.DialContext(ctx, "tcp", "db:1"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the host: %v", err)
	}
}

func TestDialDeadline(t *testing.T) {
	t.Parallel()
	d := dialer(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := d.DialContext(ctx, "tcp", "db:1")
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestDrainSendsTheRest: what a plugin wrote before it was closed arrives, though it closed nothing
// and the host is in a hurry.
func TestDrainSendsTheRest(t *testing.T) {
	t.Parallel()
	l := listen(t)
	var d dialing
	c, end, err := InProcess(t.Context(), d.plugin())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	wait, err := c.OpenHost(ctx, sdk.Host{Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	const much = 300 << 10
	near, far := pair(t, d.dialer, l)
	d.closes = func() {
		if _, err := near.Write(make([]byte, much)); err != nil {
			t.Error(err)
		}
	}
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := wait(); err != nil {
		t.Error(err)
	}
	end()
	if n, err := io.Copy(io.Discard, far); n != much || err != nil {
		t.Errorf("%d bytes of %d came: %v", n, much, err)
	}
}

// TestEndOfHost: when the host does no more for a plugin, its connections are reset, and the plugin
// hears of it.
func TestEndOfHost(t *testing.T) {
	t.Parallel()
	l := listen(t)
	var d dialing
	c, end, err := InProcess(t.Context(), d.plugin())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	ctx, cancel := context.WithCancel(t.Context())
	wait, err := c.OpenHost(ctx, sdk.Host{Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	near, far := pair(t, d.dialer, l)
	cancel()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the far end: %v", err)
	}
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) ||
		!strings.Contains(err.Error(), "the host has ended the connection") {
		t.Errorf("the plugin: %v", err)
	}
	if _, err := d.dialer.Dial("tcp", l.Addr().String()); err == nil ||
		!strings.Contains(err.Error(), "the stream to the host is not open") {
		t.Errorf("a dial without a host: %v", err)
	}
}

// TestHostsThatDoNotDial: an earlier host would never answer, so it is not asked; one that has no
// way says so.
func TestHostsThatDoNotDial(t *testing.T) {
	t.Parallel()
	l := newLink()
	l.open = true
	if _, err := l.dial(t.Context(), "tcp", "db:1"); !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "dial tcp db:1: this host opens no connections for "+
			"plugins: a newer scrapekit does") {
		t.Error(err)
	}
	var d dialing
	connect(t, d.plugin(), sdk.Host{})
	if _, err := d.dialer.Dial("tcp", "db:1"); !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "this host opens no connections") {
		t.Error(err)
	}
	if _, err := sdk.Dial(t.Context(), "tcp", "db:1"); !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "no host in this context") {
		t.Error(err)
	}
}

// TestManyConnections: many at once, each by itself, opened and closed by many goroutines.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	d := dialer(t, nil)
	var all sync.WaitGroup
	for g := range neterr.MaxConns / 2 { // one that is closed counts until the host knows of it
		all.Go(func() {
			for n := range 4 {
				c, err := d.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Errorf("%d: %v", g, err)
					return
				}
				text := bytes.Repeat(fmt.Appendf(nil, "%d of %d ", n, g), 5000)
				go func() {
					if _, err := c.Write(text); err != nil {
						t.Error(err)
					}
				}()
				got := make([]byte, len(text))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, text) {
					t.Errorf("%d of %d: %v", n, g, err)
				}
				c.Close()
			}
		})
	}
	all.Wait()
}

// dialled says what came of a dial in a call.
func dialled(ctx context.Context) error {
	c, err := sdk.Dial(ctx, "tcp", "db:1")
	if err == nil {
		err = c.Close()
	}
	return err
}

type dialSink struct{}

func (dialSink) Open(ctx context.Context, _ sdk.Start) error   { return dialled(ctx) }
func (dialSink) Check(ctx context.Context) error               { return dialled(ctx) }
func (dialSink) Write(ctx context.Context, _ sdk.Batch) error  { return dialled(ctx) }
func (dialSink) Commit(ctx context.Context) (sdk.Token, error) { return nil, dialled(ctx) }

type dialTransform struct{}

func (dialTransform) Transform(ctx context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	return []sdk.Batch{b}, dialled(ctx)
}

// TestDialInEveryCall: plugins of every kind connect, in every call.
func TestDialInEveryCall(t *testing.T) {
	t.Parallel()
	n := 0
	services := sdk.Host{Dial: func(context.Context, string, string) (net.Conn, error) {
		n++
		near, far := net.Pipe()
		return near, far.Close()
	}}
	sink := connect(t, sinkOf(dialSink{}), services)
	_, commit := sink.Sink().Commit(t.Context())
	_, transform := connect(t, pluginOf(sdk.KindTransform, dialTransform{}),
		services).Transform().Transform(t.Context(), batchOf(100, 50))
	read := func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error { return dialled(ctx) }
	err := errors.Join(
		host.AbilitiesOf(sink.Sink()).Open(t.Context(), sdk.Start{}), sink.Check(t.Context()),
		sink.Sink().Write(t.Context(), batchOf(100, 50)), commit, transform,
		connect(t, sourceOf(read), services).Source().Read(t.Context(), sdk.Split{ID: "s"}, sdk.NewWriter(&recorder{})),
	)
	if err != nil || n != 6 {
		t.Errorf("%d connections, want 6: %v", n, err)
	}
}

// TestLinger: what a plugin wrote before it closed the connection has five seconds to be delivered,
// and the plugin is not kept waiting.
func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		far, theirs := net.Pipe() // on which nothing goes that is not read
		var d dialing
		c := connect(t, d.plugin(), sdk.Host{Dial: func(context.Context, string, string) (net.Conn, error) {
			return far,
				nil
		}})
		near, err := d.dialer.Dial("tcp", "db:1")
		if err != nil {
			t.Fatal(err)
		}
		left := func() int {
			c.tunnels.mu.Lock()
			defer c.tunnels.mu.Unlock()
			return len(c.tunnels.m)
		}
		began := time.Now()
		if _, err := near.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		if err := near.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the plugin waited %v", waited)
		}
		time.Sleep(lingerTime - time.Millisecond)
		synctest.Wait()
		if n := left(); n != 1 {
			t.Errorf("before its time is up: %d connections", n)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := left(); n != 0 {
			t.Errorf("when its time is up: %d connections", n)
		}
		if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the far end: %v", err)
		}
	})
}
