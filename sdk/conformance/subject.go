// Subject: the plugin under test, and instances of it.

package conformance

import (
	"context"
	"encoding/json"

	"github.com/scrapekit/scrapekit/sdk"
)

// A Subject is a plugin under test.
type Subject struct {
	Info sdk.Info
	// Start starts an instance with these settings. Its calls reach the services of host, which are
	// also those of ctx. If the plugin refuses the settings, Start returns the plugin's own error.
	Start func(ctx context.Context, config json.RawMessage, host sdk.Host) (*Instance, error)
	// Wire says that a wire is between the plugin and the checks. Process says that instances are
	// processes, so that [Instance.Kill] is a kill and a panic is an error.
	Wire, Process bool
}

// An Instance is a running plugin.
type Instance struct {
	Value any                         // its sdk.Source, sdk.Transform or sdk.Sink
	Stop  func(context.Context) error // shuts it down cleanly
	Kill  func()                      // has the effect of kill -9; may be called twice, and after Stop
}

// bench tests a plugin with the settings of one case.
type bench struct {
	subject Subject
	config  json.RawMessage
	host    sdk.Host
	watch   *watch // shared by all checks of a suite
	epoch   int64  // epoch of the newest instance that was opened
}

// live is a running instance and the context of its calls.
type live struct {
	ctx   context.Context
	value any
	conns *conns
	stop  func()
	kill  func()
}

// start starts the plugin again. An instance that the caller does not stop ends with the check.
func (b *bench) start(t T) *live {
	t.Helper()
	host, conns := connsOf(b.host)
	ctx := host.In(t.Context())
	var i *Instance
	err := b.watch.call(ctx, "the start", nil, func(context.Context) (err error) {
		i, err = b.subject.Start(ctx, b.config, host)
		return err
	})
	if err != nil {
		t.Fatalf("settings %s: %v", b.config, err)
	}
	kill := func() {
		conns.hangUp()
		// Across a wire without a process, a hanging call prevents the instance from ending.
		_ = b.watch.call(context.WithoutCancel(ctx), "the kill", nil,
			func(context.Context) error { i.Kill(); return nil })
	}
	t.Cleanup(kill)
	stop := func() {
		if err := b.watch.call(context.WithoutCancel(ctx), "the end", nil, i.Stop); err != nil {
			t.Errorf("ending the plugin: %v", err)
		}
	}
	return &live{ctx: ctx, value: i.Value, conns: conns, stop: stop, kill: kill}
}

// startOf adds what is the same for all instances of a check, and an epoch that is unique.
func (b *bench) startOf(s sdk.Start, dir string) sdk.Start {
	b.epoch++
	s.Pipeline, s.Epoch, s.Dir = "conformance", b.epoch, dir
	return s
}

// privateDir makes the private folder of a stage, if the plugin asks for one.
func (b *bench) privateDir(t T) string {
	if !b.subject.Info.PrivateDir {
		return ""
	}
	return t.TempDir()
}

// Config returns settings as JSON. It accepts JSON, or a value that marshals to it.
func Config(config any) (json.RawMessage, error) {
	switch c := config.(type) {
	case nil:
		return json.RawMessage("{}"), nil
	case json.RawMessage:
		return c, nil
	case []byte:
		return c, nil
	case string:
		return json.RawMessage(c), nil
	}
	return json.Marshal(config)
}
