// Subject: the plugin under test, and instances of it.

package conformance

import (
	"context"
	"encoding/json"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	// soon is how long a plugin may take to stop when it is told to.
	soon = 10 * time.Second
	// patience is after what time a call counts as hung. It is long: a busy machine is no fault of the plugin's.
	patience = 2 * time.Minute
)

// A Subject is a plugin under test.
type Subject struct {
	Info sdk.Info
	// Start starts an instance with these settings. Its calls reach the services of host, which are those of ctx too.
	// It returns the plugin's own error where the plugin refuses the settings.
	Start func(ctx context.Context, config json.RawMessage, host sdk.Host) (*Instance, error)
	// Wire says that there is a wire between the plugin and the checks, Process that instances are processes, so that
	// [Instance.Kill] is a kill and a panic an error.
	Wire, Process bool
}

// An Instance is a running plugin.
type Instance struct {
	Value any                         // its sdk.Source, sdk.Transform or sdk.Sink
	Stop  func(context.Context) error // ends it in order
	Kill  func()                      // leaves it as a killed process would; may be called twice, and after Stop
}

// bench is where a plugin is tested with one case's settings.
type bench struct {
	subject Subject
	config  json.RawMessage
	host    sdk.Host
}

// live is one running instance and what its calls run in.
type live struct {
	ctx   context.Context
	value any
	stop  func()
	kill  func()
}

// start runs the plugin anew. What is not ended by the caller ends with the check.
func (b *bench) start(t T) *live {
	t.Helper()
	ctx := sdk.WithHost(t.Context(), b.host)
	i, err := b.subject.Start(ctx, b.config, b.host)
	if err != nil {
		t.Fatalf("settings %s: %v", b.config, err)
	}
	t.Cleanup(i.Kill)
	stop := func() {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if err := i.Stop(drain); err != nil {
			t.Errorf("ending the plugin: %v", err)
		}
	}
	return &live{ctx: ctx, value: i.Value, stop: stop, kill: i.Kill}
}

// Config takes settings as JSON, or as what marshals to it.
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
