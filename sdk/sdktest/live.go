// live: a plugin that runs, reached directly or over the wire.

package sdktest

import (
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// soon is how long a plugin may take to answer, and to stop when it is told to.
const soon = 10 * time.Second

// bench is where one plugin is tested, in one of the two ways.
type bench struct {
	plugin sdk.Plugin
	config json.RawMessage
	host   sdk.Host
	wire   bool
}

// onBoth runs f in process and across the wire.
func onBoth(t *testing.T, p sdk.Plugin, config any, host sdk.Host, f func(t *testing.T, b *bench)) {
	t.Helper()
	raw := rawConfig(t, config)
	for name, wire := range map[string]bool{"in process": false, "over the wire": true} {
		t.Run(name, func(t *testing.T) { f(t, &bench{plugin: p, config: raw, host: host, wire: wire}) })
	}
}

// rawConfig takes settings as JSON, or as what marshals to it.
func rawConfig(t *testing.T, config any) json.RawMessage {
	t.Helper()
	switch c := config.(type) {
	case nil:
		return json.RawMessage("{}")
	case json.RawMessage:
		return c
	case []byte:
		return c
	case string:
		return json.RawMessage(c)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	return raw
}

// live is one running instance.
type live struct {
	ctx   context.Context // what its calls run in
	value any             // sdk.Source, Transform or Sink
	stop  func()          // ends it in an orderly way
	kill  func()          // leaves it as a killed process would
}

// start runs the plugin anew. What is not ended by the caller ends with the test.
func (b *bench) start(t *testing.T) *live {
	t.Helper()
	ctx := sdk.WithHost(t.Context(), b.host)
	if b.wire {
		return b.startWire(ctx, t)
	}
	v, err := b.plugin.New(ctx, b.config)
	if err != nil {
		t.Fatalf("settings %s: %v", b.config, err)
	}
	stop := func() {
		if c, ok := v.(io.Closer); ok {
			if err := c.Close(); err != nil {
				t.Errorf("closing the plugin: %v", err)
			}
		}
	}
	return &live{ctx: ctx, value: v, stop: stop, kill: func() {}}
}

func (b *bench) startWire(ctx context.Context, t *testing.T) *live {
	t.Helper()
	// The connection outlives the test's own context, so that it can end in order.
	conn, end, err := rpc.InProcess(context.WithoutCancel(ctx), b.plugin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	hosting, stopHost := context.WithCancel(context.WithoutCancel(ctx))
	t.Cleanup(stopHost)
	if _, err := conn.OpenHost(hosting, b.host); err != nil {
		t.Fatalf("the host's services: %v", err)
	}
	if _, err := conn.Configure(ctx, b.config); err != nil {
		t.Fatalf("settings %s: %v", b.config, err)
	}
	l := &live{ctx: ctx, kill: func() { stopHost(); end() }}
	l.stop = func() {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), soon)
		defer cancel()
		if err := conn.Drain(drain); err != nil {
			t.Errorf("ending the plugin: %v", err)
		}
		l.kill()
	}
	switch b.plugin.Kind {
	case sdk.KindSource:
		l.value = conn.Source()
	case sdk.KindTransform:
		l.value = conn.Transform()
	case sdk.KindSink:
		l.value = conn.Sink()
	}
	return l
}
