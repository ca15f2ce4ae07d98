package dial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/address/addresstest"
	"github.com/scrapekit/scrapekit/sdk"
)

// echo is a server that gives back what it gets; it returns its port.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestGranted: what is granted is matched by host and port, in any spelling, before a name is
// resolved.
func TestGranted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		granted, to string
		want        grant
	}{
		{"db.example.com:5432", "db.example.com:5432", byName},
		{"db.example.com:5432", "DB.example.COM.:5432", byName},
		{"bücher.example:1", "xn--bcher-kva.example:1", byName},
		{"db.example.com:*", "db.example.com:7", byName},
		{"[::1]:5432", "[0:0:0::1]:5432", byName},
		{"169.254.169.254:80", "169.254.169.254:80", byName},
		{"*.example.com:5432", "db.example.com:5432", byWildcard},
		{"*.example.com:5432", "a.b.example.com:5432", byWildcard},
		{"*:5432", "db.example.com:5432", byWildcard},
		{"*:*", "10.0.0.1:1", byWildcard},
		{"db.example.com:5432", "db.example.com:5433", none},
		{"db.example.com:5432", "example.com:5432", none},
		{"*.example.com:5432", "example.com:5432", none},
		{"*.example.com:5432", "badexample.com:5432", none},
		{"*.0.0.1:5432", "10.0.0.1:5432", none},
		{"db.example.com:5432", "db.example.com.evil.example:5432", none},
		{"", "db.example.com:5432", none},
	} {
		to, err := parse("tcp", c.to)
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
		}
		if got := find([]string{c.granted}, to); got != c.want {
			t.Errorf("%q, granted %q: %d, want %d", c.to, c.granted, got, c.want)
		}
	}
	for _, to := range []string{"db", "db:", ":5432", "db:0", "db:65536", "db:http", "a b:1", "[::1%]x:1", ".:1"} {
		if _, err := parse("tcp", to); err == nil {
			t.Errorf("the address %q was taken", to)
		}
	}
	for _, network := range []string{"udp", "unix", "ip", ""} {
		if _, err := parse(network, "db:1"); err == nil {
			t.Errorf("the network %q was taken", network)
		}
	}
}

// TestWhereItLeads: a name or an address that is granted may lead into a network of one's own, a
// wildcard may not; what is special is granted as an address alone.
func TestWhereItLeads(t *testing.T) {
	t.Parallel()
	p := Policy{Plugin: "sink db", Pos: "x.hcl:3"}
	for _, c := range []struct {
		host, ip, name, wildcard string // what is said to each kind of grant; "": it is let through
	}{
		{"db.example.com", "93.184.216.34", "", ""},
		{"93.184.216.34", "93.184.216.34", "", ""},
		{"db.example.com", "10.0.0.5", "",
			`leads to the private address 10.0.0.5, and a wildcard grants public ones alone: if it is meant, write ` +
				`in the block at x.hcl:3: grant { dial = ["db.example.com:5432"] }`},
		{"10.0.0.5", "10.0.0.5", "", "is in a private network"},
		{"localhost", "127.0.0.1", "", "private address 127.0.0.1"},
		{"db.example.com", "169.254.169.254", "special address", "special address"},
		{"db.example.com", "::ffff:169.254.169.254", "special address", "special address"},
		{"db.example.com", "fd00:ec2::254", "special address", "special address"},
		{"169.254.169.254", "169.254.169.254", "",
			`no wildcard grants: if it is meant, write in the block at x.hcl:3: grant { dial = ` +
				`["169.254.169.254:5432"] }`},
		{"fd00:ec2::254", "fd00:ec2::254", "", "no wildcard grants"},
	} {
		for granted, want := range map[grant]string{byName: c.name, byWildcard: c.wildcard} {
			err := p.checkAddress(target{"tcp", c.host, 5432}, netip.MustParseAddr(c.ip), granted)
			if want == "" && err != nil || want != "" &&
				(!errors.Is(err, sdk.ErrNotGranted) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s at %s, granted %d: %v, want %q", c.host, c.ip, granted, err, want)
			}
		}
	}
}

// TestRebinding: the name was fine a moment ago, and leads to the metadata service now.
func TestRebinding(t *testing.T) {
	t.Parallel()
	port := echo(t)
	c := New(Options{Resolver: addresstest.Resolver(t, "127.0.0.1", "169.254.169.254")})
	dial := c.For(Policy{Plugin: "sink db", Granted: []string{"db.example:" + port}})
	conn, err := dial(t.Context(), "tcp4", "db.example:"+port)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := dial(t.Context(), "tcp4", "db.example:"+port); !errors.Is(err, sdk.ErrNotGranted) ||
		!sdk.IsPermanent(err) {
		t.Errorf("rebound: %v", err)
	}
	wild := c.For(Policy{Plugin: "sink wild", Granted: []string{"*.example:" + port}})
	if _, err := wild(t.Context(), "tcp4", "db.example:"+port); !errors.Is(err, sdk.ErrNotGranted) {
		t.Errorf("by a wildcard: %v", err)
	}
}

func TestRefusedBeforeItIsResolved(t *testing.T) {
	t.Parallel()
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("a name server was asked")
		return nil, errors.New("no")
	}}
	c := New(Options{Resolver: resolver})
	asked := Policy{Plugin: "sink db", Pos: "x.hcl:3", Granted: []string{"db.example:1"},
		Asked: []string{"*.example:*"}}
	_, err := c.For(asked)(t.Context(), "tcp", "secret-1234.example:53")
	if !errors.Is(err, sdk.ErrNotGranted) || !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), `write in the block at x.hcl:3: grant { dial = ["secret-1234.example:53"] }`) {
		t.Error(err)
	}
	asked.Asked = nil
	if _, err := c.For(asked)(t.Context(), "tcp", "secret-1234.example:53"); err == nil ||
		!strings.Contains(err.Error(), "the plugin does not ask for it") || strings.Contains(err.Error(), "write in") {
		t.Error(err)
	}
}

// TestCounted: connections and bytes are in the report by plugin and address, and a log of level
// debug has each.
func TestCounted(t *testing.T) {
	t.Parallel()
	port := echo(t)
	var log bytes.Buffer
	c := New(Options{Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &log})})
	to := "localhost:" + port
	dial := c.For(Policy{Plugin: "sink db", Granted: []string{to, "127.0.0.1:1"}})
	conn, err := dial(t.Context(), "tcp4", to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if s := c.Stats(); len(s) != 1 || s[0].Open != 1 {
		t.Errorf("%+v", s)
	}
	conn.Close()
	conn.Close() // counts once
	if _, err := dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		t.Error("somebody listens on port 1")
	}
	if _, err := dial(t.Context(), "tcp", "other:1"); err == nil {
		t.Error("not granted, and dialled")
	}
	want := []Stats{
		{Plugin: "sink db", Address: "127.0.0.1:1", Failed: 1},
		{Plugin: "sink db", Address: to, Connections: 1, BytesOut: 5, BytesIn: 5},
		{Plugin: "sink db", Address: "other:1", Refused: 1},
	}
	if got := c.Stats(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, text := range []string{"connected: ", "address=" + to, "connection closed", "sent=5 received=5",
		"no connection: "} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log has no %q:\n%s", text, &log)
		}
	}
}

// TestManyNames: a plugin that asks for ever new names fills no memory.
func TestManyNames(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	dial := c.For(Policy{Plugin: "sink db"})
	for n := range 3 * maxAddresses {
		_, _ = dial(t.Context(), "tcp", "h"+strings.Repeat("x", n%50)+string(rune('a'+n/50))+":1")
	}
	s := c.Stats()
	i := slices.IndexFunc(s, func(s Stats) bool { return s.Address == others })
	if len(s) != maxAddresses+1 || i < 0 || s[i].Refused != 2*maxAddresses {
		t.Errorf("%d addresses, others at %d", len(s), i)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	port := echo(t)
	c := New(Options{Closed: errors.New("a replay makes no connections")})
	_, err := c.For(Policy{Granted: []string{"localhost:" + port}})(t.Context(), "tcp", "localhost:"+port)
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "localhost:"+port+": a replay makes no connections") ||
		len(c.Stats()) != 0 {
		t.Errorf("%v, %v", err, c.Stats())
	}
}

// TestDialEndsWithItsContext: who gives up is not kept waiting.
func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	hang := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	_, err := New(Options{Resolver: hang}).For(Policy{Granted: []string{"db.example:1"}})(ctx, "tcp", "db.example:1")
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Error(err)
	}
}

// TestResolvedAddress: where a granted name has led a plugin, it may connect to by the address:
// drivers do so to cancel a query.
func TestResolvedAddress(t *testing.T) {
	t.Parallel()
	port := echo(t)
	c := New(Options{Resolver: addresstest.Resolver(t, "127.0.0.1")})
	p := Policy{Plugin: "sink db", Granted: []string{"db.example.com:" + port}, Asked: []string{"*:*"}}
	dial, other := c.For(p), c.For(p)
	address := "127.0.0.1:" + port
	refused := func(when, address string, dial Func) {
		t.Helper()
		if conn, err := dial(t.Context(), "tcp", address); !errors.Is(err, sdk.ErrNotGranted) {
			t.Errorf("%s: %v, %v", when, conn, err)
		}
	}
	refused("before the name has led there", address, dial)
	for _, to := range []string{"db.example.com:" + port, address, "[::ffff:127.0.0.1]:" + port} {
		conn, err := dial(t.Context(), "tcp", to)
		if err != nil {
			t.Fatalf("%s: %v", to, err)
		}
		if got := conn.RemoteAddr().String(); got != address {
			t.Errorf("%s led to %s", to, got)
		}
		conn.Close()
	}
	refused("another port", "127.0.0.1:1", dial)
	refused("another address", "127.0.0.2:"+port, dial)
	refused("another instance", address, other)
	for _, s := range c.Stats() {
		if s.Address == "db.example.com:"+port && s.Connections != 3 {
			t.Errorf("%+v: want all connections counted by the name that is granted", s)
		}
	}
}

// TestUnixSocket: a plugin gets to a Unix socket only if exactly its path is granted.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "dial-") // paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	at := filepath.Join(dir, "socket")
	l, err := net.Listen("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	}()
	c := New(Options{})
	for _, granted := range []string{"*:*", "unix:" + dir, "unix:" + at + "2", at} {
		_, err := c.For(Policy{Plugin: "sink", Pos: "x.hcl:1", Granted: []string{granted},
			Asked: []string{"unix:" + at}})(
			t.Context(), "unix", at)
		if !errors.Is(err, sdk.ErrNotGranted) || !strings.Contains(err.Error(), `grant { dial = ["unix:`+at) {
			t.Errorf("granted %s: %v", granted, err)
		}
	}
	dial := c.For(Policy{Plugin: "sink", Granted: []string{"unix:" + at}})
	if _, err := dial(t.Context(), "unix", dir+"/../x"); !sdk.IsPermanent(err) {
		t.Errorf("a path that is not clean: %v", err)
	}
	conn, err := dial(t.Context(), "unix", at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(stream).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
		t.Errorf("%q %v", got, err)
	}
	conn.Close()
	if s := c.Stats(); len(s) != 1 || s[0].Address != "unix:"+at || s[0].Connections != 1 || s[0].Refused != 4 ||
		s[0].BytesIn != 5 {
		t.Errorf("%+v", s)
	}
}
