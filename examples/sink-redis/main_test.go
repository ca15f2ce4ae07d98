package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/examples/sink-redis/redistest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// theCase has a prefix for each place.
func theCase(server *redistest.Server) sdktest.SinkCase {
	return sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return settings{Address: server.Addr, Prefix: filepath.Base(filepath.Dir(dir)) + filepath.Base(dir)}
		},
		Read: func(_ *testing.T, dir, stream string) []string {
			return server.List(filepath.Base(filepath.Dir(dir)) + filepath.Base(dir) + ":" + stream)
		},
		Host: sdk.Host{Dial: new(net.Dialer).DialContext},
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	sdktest.TestSink(t, plugin(), theCase(redistest.New(t)))
}

// serverVar tells the process that is killed where the server is.
const serverVar = "SINK_REDIS_SERVER"

func TestKilled(t *testing.T) {
	t.Parallel()
	server := &redistest.Server{Addr: os.Getenv(serverVar)}
	if server.Addr == "" {
		server = redistest.New(t)
		if err := os.Setenv(serverVar, server.Addr); err != nil {
			t.Fatal(err)
		}
	}
	sdktest.CrashSink(t, plugin(), theCase(server))
}

// TestShutOut: what a former process has sent and the server has not done yet is not done any more.
func TestShutOut(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	ctx := sdk.Host{Dial: new(net.Dialer).DialContext}.In(t.Context())
	start := func() *sink {
		v, err := open(ctx, settings{Address: "redis://" + server.Addr, Prefix: "p"})
		if err == nil {
			err = v.(*sink).Open(ctx, sdk.Start{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return v.(*sink)
	}
	former := start()
	defer former.Close()
	if _, err := former.server.do(ctx, []string{"WATCH", "p.epoch"}, []string{"MULTI"},
		[]string{"RPUSH", "p:things", "{}"}); err != nil {
		t.Fatal(err)
	}
	latter := start()
	defer latter.Close()
	if r := ask(ctx, former.server, "EXEC"); r.err != nil || r.list != nil || len(server.List("p:things")) > 0 {
		t.Errorf("%+v, %q", r, server.List("p:things"))
	}
	b := sdk.Batch{Stream: "things", Count: 1, Payload: []byte("{}\n")}
	if err := former.Write(ctx, b); !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "another process writes there now") {
		t.Errorf("the former one: %v", err)
	}
	if err := latter.Write(ctx, b); err != nil || len(server.List("p:things")) != 1 {
		t.Errorf("the latter one: %v", err)
	}
}

// TestTwoPipelines: the second of one prefix is refused, and takes nothing away.
func TestTwoPipelines(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	ctx := sdk.Host{Dial: new(net.Dialer).DialContext}.In(t.Context())
	start := func(s sdk.Start) (*sink, error) {
		v, err := open(ctx, settings{Address: server.Addr, Prefix: "p"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = v.(*sink).Close() })
		return v.(*sink), v.(*sink).Open(ctx, s)
	}
	a, err := start(sdk.Start{Pipeline: "A"})
	if err == nil {
		err = a.Write(ctx, sdk.Batch{Stream: "things", Count: 1, Payload: []byte("{}\n")})
	}
	token, commitErr := a.Commit(ctx)
	if err = errors.Join(err, commitErr); err != nil {
		t.Fatal(err)
	}
	for _, s := range []sdk.Start{{Pipeline: "B"}, {Pipeline: "B", Full: true}, {Pipeline: "B", Token: token}} {
		if _, err := start(s); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "another pipeline, A,") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if _, err := start(sdk.Start{Pipeline: "A", Token: token}); err != nil || len(server.List("p:things")) != 1 {
		t.Errorf("the first one again: %v, %q", err, server.List("p:things"))
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	ctx := sdk.Host{Dial: new(net.Dialer).DialContext}.In(t.Context())
	v, err := open(ctx, settings{Address: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	var op *net.OpError
	if err := v.(sdk.Checker).Check(ctx); !errors.As(err, &op) {
		t.Errorf("%v", err)
	}
}
