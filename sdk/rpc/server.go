// The common part of all services on the plugin's side.

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/logline"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// server is the plugin's side of all services.
type server struct {
	pb.UnimplementedPluginServiceServer
	plugin    sdk.Plugin
	link      *link
	calls     *calls
	connected func() // called for every Describe, the host's first call; may be nil

	mu    sync.Mutex // guards value, also while it is made
	value any        // result of plugin.New; nil before
}

func newServer(p sdk.Plugin) *server {
	return &server{plugin: p, link: newLink(), calls: newCalls()}
}

func (s *server) make(ctx context.Context, config json.RawMessage) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value != nil {
		return nil, sdk.Permanent(errors.New("the plugin was configured already"))
	}
	v, err := s.plugin.New(ctx, config)
	if err != nil {
		return nil, err
	}
	if !isKind(v, s.plugin.Kind) {
		return nil, sdk.Permanent(fmt.Errorf("the plugin says that it is a %s, but %T is none", s.plugin.Kind, v))
	}
	s.value = v
	return v, nil
}

func isKind(v any, k sdk.Kind) (ok bool) {
	switch k {
	case sdk.KindSource:
		_, ok = v.(sdk.Source)
	case sdk.KindTransform:
		_, ok = v.(sdk.Transform)
	case sdk.KindSink:
		_, ok = v.(sdk.Sink)
	}
	return ok
}

// beginOn begins a call that needs the plugin configured and with the ability T.
func beginOn[T any](ctx context.Context, s *server, fields ...string) (v T, c *call, err error) {
	s.mu.Lock()
	value := s.value
	s.mu.Unlock()
	v, ok := value.(T)
	switch {
	case value == nil:
		return v, nil, toStatus(ctx, sdk.Permanent(errors.New("the plugin has not been configured yet")))
	case !ok:
		return v, nil, toStatus(ctx, sdk.Permanent(errors.New("the plugin did not announce that it can do this")))
	}
	c, err = s.begin(ctx, fields...)
	return v, c, err
}

// begin begins a call. fields are names and values for its log entries.
func (s *server) begin(wire context.Context, fields ...string) (*call, error) {
	if err := s.calls.enter(); err != nil {
		return nil, toStatus(wire, err)
	}
	ctx, cancel := context.WithCancel(wire)
	unhook := context.AfterFunc(s.calls.life, cancel)
	c := &call{wire: wire}
	c.end = func() {
		unhook()
		cancel()
		c.counts.close()
		s.calls.running.Done()
	}
	t := &transport{link: s.link, call: ctx}
	c.ctx = sdk.Host{
		Transport: t,
		Keep:      t.keep,
		Dial:      s.link.dial,
		Logger:    slog.New(logline.NewHandler(s.link.log, fields...)),
		Count: func(name string, n int64) {
			if !c.counts.add(name, n) {
				s.link.count(name, n)
			}
		},
	}.In(ctx)

	return c, nil
}
