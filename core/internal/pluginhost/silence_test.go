// Calls that are never answered.

//go:build unix

package pluginhost

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestSilence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sign func(p *activity) // of life, once a minute
		ends bool
	}{
		"none": {func(*activity) {}, true},
		"a request": {func(p *activity) {
			h := p.serve(sdk.Host{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				return nil,
					errors.New("refused")
			})})
			_, _ = h.Transport.RoundTrip(&http.Request{})
		}, false},
		"a connection": {func(p *activity) {
			h := p.serve(sdk.Host{Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil,
					errors.New("refused")
			}})
			_, _ = h.Dial(context.Background(), "tcp", "far:1")
		}, false},
		"a counter": {func(p *activity) { p.serve(sdk.Host{}).Count("pages", 1) }, false},
		"records":   {func(p *activity) { _ = output{sdk.NewWriter(&collected{}), p}.Batch(sdk.Batch{}) }, false},
		"a cursor":  {func(p *activity) { _ = output{sdk.NewWriter(&collected{}), p}.Cursor([]byte("1")) }, false},
		"a split": {func(p *activity) {
			_ = output{sdk.NewWriter(&collected{}), p}.Split(sdk.Split{ID: "1"})
		}, false},
		"a reject": {func(p *activity) { _ = output{sdk.NewWriter(&collected{}), p}.Reject(sdk.Reject{}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &activity{}
				ctx, stop := p.watch(t.Context(), 10*time.Minute)
				defer stop()
				for range 60 {
					time.Sleep(time.Minute)
					c.sign(p)
				}
				if ended := errors.Is(context.Cause(ctx), errSilent); ended != c.ends {
					t.Errorf("ended: %v", ended)
				}
			})
		})
	}
}

// TestBusyIsNotSilent: what the host takes long for is not the plugin's silence.
func TestBusyIsNotSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &activity{}
		ctx, stop := p.watch(t.Context(), 10*time.Minute)
		defer stop()
		end := p.during()
		time.Sleep(time.Hour)
		if ctx.Err() != nil {
			t.Error("ended while the host was busy")
		}
		end()
		time.Sleep(11 * time.Minute)
		if !errors.Is(context.Cause(ctx), errSilent) {
			t.Error("it goes on")
		}
	})
}

// TestCallNeverAnswered: a real plugin that hangs in a call.
func TestCallNeverAnswered(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.silence = 200 * time.Millisecond
	p := start(t, h, spec(`{"do":"hang"}`, "source"))
	err := read(t, p, &collected{})
	if err == nil || sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "Read got no answer, and for 200ms the plugin sent nothing") {
		t.Errorf("got %v", err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
