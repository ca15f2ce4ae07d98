// Package pluginhost starts, watches and stops plugin processes and hands out what they serve as
// sdk.Source, sdk.Transform and sdk.Sink. It is the only package that knows of processes, and wraps
// hashicorp/go-plugin: of the many ways in which a process and its connection can end it makes one
// good message each, above all [Crash].
//
// A plugin gets nothing of the host's: no stdin, no environment, no descriptors, and package
// sandbox confines it. It listens on a unix socket in a folder that only this user may enter, and
// dies with the host, however the host dies.
package pluginhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
)

// startTimeout is how long a plugin may take until it has said what it is. Its settings are no part
// of that: what it does with them may need the network.
const startTimeout = 30 * time.Second

// Options are a host's settings. The zero value is good.
type Options struct {
	// Logger takes what the host itself has to say; nil: nothing is logged.
	Logger hclog.Logger
	// RunDirs is the folder in which run directories are made; "": $XDG_RUNTIME_DIR/scrapekit, or a
	// folder of this user's in the temporary one. The names of sockets are short: so must this be.
	RunDirs string
	// Sandbox says how much plugins are confined; "": [sandbox.Strong]. What the system has not is
	// an error of each start.
	Sandbox sandbox.Level
}

// A Host runs plugins. Its methods may be called by several goroutines at once.
type Host struct {
	log     hclog.Logger
	dir     *runDir
	level   sandbox.Level
	timeout time.Duration
	silence time.Duration
	opened  func()        // for tests: called when a program was looked at; nil
	begun   func(pid int) // for tests: called when a process runs; nil

	// ctx ends with Close and takes starts under way with it.
	ctx   context.Context
	close context.CancelFunc

	mu      sync.Mutex
	closed  bool
	starts  sync.WaitGroup // starts under way
	plugins map[*Plugin]struct{}
}

// New makes the directory of this run, after it has removed those of dead ones. The host is to be
// closed.
func New(o Options) (*Host, error) {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	level := cmp.Or(o.Sandbox, sandbox.Strong)
	if level == sandbox.Env {
		if err := sandbox.Protect(); err != nil {
			return nil, fmt.Errorf("keep the host's memory from plugins: %w", err)
		}
	}
	if err := keepDescriptors(); err != nil {
		return nil, fmt.Errorf("keep inherited descriptors from plugins: %w", err)
	}
	dir, err := openRunDir(o.RunDirs, o.Logger)
	if err != nil {
		return nil, err
	}
	h := &Host{log: o.Logger, dir: dir, level: level, timeout: startTimeout, silence: silenceTimeout,
		plugins: map[*Plugin]struct{}{}}
	h.ctx, h.close = context.WithCancel(context.Background())
	return h, nil
}

// Close stops all plugins and removes the run's directory. It returns what went wrong while they
// stopped. A second Close does nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.close()
	h.starts.Wait()
	return errors.Join(atOnce(h.stops()), h.dir.close())
}

func (h *Host) stops() []func() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var stops []func() error
	for p := range h.plugins {
		stops = append(stops, func() error { return p.Stop(context.Background()) })
	}
	return stops
}

// atOnce calls all functions at the same time and returns their errors.
func atOnce(calls []func() error) error {
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Describe starts the program, asks it what it is, and stops it. digest is what the program must
// be, as in [Spec]; "": whatever is there.
func (h *Host) Describe(ctx context.Context, path, digest string, args ...string) (sdk.Info, error) {
	p, err := h.launch(ctx, Spec{Label: "plugin " + path, Path: path, Digest: digest, Args: args})
	if err != nil {
		return sdk.Info{}, err
	}
	return p.Info(), p.Stop(ctx)
}

// enter admits a start, unless the host is closed.
func (h *Host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errors.New("the plugin host is closed")
	}
	h.starts.Add(1)
	return nil
}

func (h *Host) add(p *Plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plugins[p] = struct{}{}
}

func (h *Host) remove(p *Plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.plugins, p)
}
