// Package pluginhost starts, watches and stops plugin processes, and returns what they serve as
// sdk.Source, sdk.Transform and sdk.Sink. It is the only package that knows processes, and wraps
// hashicorp/go-plugin. It turns the many ways in which a process and its connection can end into
// one clear error each, mainly [Crash].
//
// A plugin gets nothing from the host: no stdin, no environment, no descriptors. Package sandbox
// confines it. It listens on a unix socket in a folder that only this user can enter. It ends with
// the host, however the host ends.
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

// startTimeout bounds the time until a plugin has described itself. It does not include the
// settings, with which the plugin may use the network.
const startTimeout = 30 * time.Second

// Options are a host's settings. The zero value is valid.
type Options struct {
	// Logger receives the host's own log lines; nil: none.
	Logger hclog.Logger
	// RunDirs is the parent of run directories; "": $XDG_RUNTIME_DIR/scrapekit, or a temporary
	// folder of this user. It must be short, because names of sockets are.
	RunDirs string
	// Sandbox is the level of the sandbox; "": [sandbox.Strong]. If the system does not support it,
	// each start fails.
	Sandbox sandbox.Level
}

// A Host runs plugins. Its methods may be called by several goroutines at the same time.
type Host struct {
	log     hclog.Logger
	dir     *runDir
	level   sandbox.Level
	timeout time.Duration
	silence time.Duration
	opened  func()        // for tests: called after a program was checked; nil
	begun   func(pid int) // for tests: called when a process runs; nil

	// ctx is cancelled by Close, together with starts in progress.
	ctx   context.Context
	close context.CancelFunc

	mu      sync.Mutex
	closed  bool
	starts  sync.WaitGroup // starts in progress
	plugins map[*Plugin]struct{}
}

// New removes the directories of dead runs and makes one for this run. The caller must close the
// host.
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

// Close stops all plugins and removes the run's directory. It returns their errors. Further calls
// do nothing.
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

// atOnce calls all functions in parallel and joins their errors.
func atOnce(calls []func() error) error {
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { errs[i] = call() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Describe starts the program, reads its description, and stops it. digest is its required digest,
// as in [Spec]; "": any.
func (h *Host) Describe(ctx context.Context, path, digest string, args ...string) (sdk.Info, error) {
	p, err := h.launch(ctx, Spec{Label: "plugin " + path, Path: path, Digest: digest, Args: args})
	if err != nil {
		return sdk.Info{}, err
	}
	return p.Info(), p.Stop(ctx)
}

// enter registers a start, unless the host is closed.
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
