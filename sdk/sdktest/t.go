// T: the checks under go test.

package sdktest

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// goTest adapts a test to the interface of the checks.
type goTest struct{ *testing.T }

func (g goTest) Run(name string, f func(conformance.T)) bool {
	return g.T.Run(name, func(t *testing.T) { f(goTest{t}) })
}

// testOf returns the test that runs a check.
func testOf(t conformance.T) *testing.T { return t.(goTest).T }

// rawConfig returns settings as JSON. It accepts JSON, or a value that marshals to it.
func rawConfig(t *testing.T, config any) json.RawMessage {
	t.Helper()
	raw, err := conformance.Config(config)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	return raw
}

// onBoth runs the checks for every kind of plugin, and f in process and across the wire.
func onBoth(t *testing.T, p sdk.Plugin, config json.RawMessage, kind sdk.Kind,
	f func(t goTest, s conformance.Subject)) {
	t.Helper()
	conformance.Plugin(goTest{t}, inProcess(p), config, kind)
	t.Run("description on the wire", func(t *testing.T) { testDescription(t, p) })
	t.Run("in process", func(t *testing.T) { f(goTest{t}, inProcess(p)) })
	t.Run("over the wire", func(t *testing.T) { f(goTest{t}, overWire(p)) })
}

func testDescription(t *testing.T, p sdk.Plugin) {
	conn, end, err := rpc.InProcess(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	got, err := conn.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p.Info) {
		t.Errorf("what the plugin says of itself changes on the wire:\n got %+v\nwant %+v", got, p.Info)
	}
}

// inProcess is the plugin as its author's Go value.
func inProcess(p sdk.Plugin) conformance.Subject {
	return conformance.Subject{Info: p.Info,
		Start: func(ctx context.Context, config json.RawMessage, _ sdk.Host) (*conformance.Instance, error) {
			v, err := p.New(ctx, config)
			if err != nil {
				return nil, err
			}
			stop := func(context.Context) error {
				if c, ok := v.(io.Closer); ok {
					return c.Close()
				}
				return nil
			}
			return &conformance.Instance{Value: v, Stop: stop, Kill: func() {}}, nil
		}}
}

// overWire is the plugin behind an in-memory connection.
func overWire(p sdk.Plugin) conformance.Subject {
	return conformance.Subject{Info: p.Info, Wire: true,
		Start: func(ctx context.Context, config json.RawMessage, host sdk.Host) (*conformance.Instance, error) {
			// The connection outlives the test's own context, so that it can shut down cleanly.
			conn, end, err := rpc.InProcess(context.WithoutCancel(ctx), p)
			if err != nil {
				return nil, err
			}
			hosting, stopHost := context.WithCancel(context.WithoutCancel(ctx))
			kill := func() { stopHost(); end() }
			if _, err = conn.OpenHost(hosting, host); err == nil {
				_, err = conn.Configure(ctx, config)
			}
			if err != nil {
				kill()
				return nil, err
			}
			stop := func(ctx context.Context) error {
				err := conn.Drain(ctx)
				kill()
				return err
			}
			return &conformance.Instance{Value: valueOf(conn, p.Kind), Stop: stop, Kill: kill}, nil
		}}
}

func valueOf(conn *rpc.Conn, k sdk.Kind) any {
	switch k {
	case sdk.KindSource:
		return conn.Source()
	case sdk.KindTransform:
		return conn.Transform()
	}
	return conn.Sink()
}
