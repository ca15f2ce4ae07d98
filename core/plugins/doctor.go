// Doctor: checks whether this machine can run and confine plugins.

package plugins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/probe"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
)

// Diagnosis is what [Doctor] found.
type Diagnosis struct {
	Version  string          `json:"version"`
	Platform string          `json:"platform"`
	Kernel   string          `json:"kernel"`
	Landlock int             `json:"landlock"` // ABI version; 0: none
	Seccomp  bool            `json:"seccomp"`
	Root     bool            `json:"root"`
	Levels   []LevelState    `json:"levels"`
	Level    string          `json:"level"`    // level of the probe
	Confined bool            `json:"confined"` // the kernel enforces it
	Limits   SandboxLimits   `json:"limits"`
	Plugins  []PluginState   `json:"plugins"`
	Pipeline *PipelineHealth `json:"pipeline,omitempty"`
	Probe    []ProbeResult   `json:"probe"`
	Problems []string        `json:"problems"` // empty: all is well
}

// LevelState says whether a level of the sandbox is available.
type LevelState struct {
	Level   string `json:"level"`
	Missing string `json:"missing,omitempty"` // what the system lacks; "": nothing
}

// SandboxLimits are those of a plugin's process.
type SandboxLimits struct {
	Memory  uint64 `json:"memory"`  // bytes; 0: none
	Threads uint64 `json:"threads"` // on top of those of the machine
	Files   uint64 `json:"files"`
}

// PluginState says whether a plugin starts.
type PluginState struct {
	Kind    sdk.Kind      `json:"kind"`
	Name    string        `json:"name"`
	Version string        `json:"version,omitempty"`
	Start   time.Duration `json:"start"`
	Error   string        `json:"error,omitempty"`
}

// PipelineHealth is the state of a pipeline.
type PipelineHealth struct {
	Name  string `json:"name"`
	Dir   string `json:"dir"`
	Runs  int    `json:"runs"`
	Last  string `json:"last,omitempty"` // outcome of the latest run
	Error string `json:"error,omitempty"`
}

// ProbeResult is one attempt of the probe to break out.
type ProbeResult struct {
	Group   string `json:"group"`
	Name    string `json:"name"`
	Allowed bool   `json:"allowed"`
	Said    string `json:"said"`
	Known   string `json:"known,omitempty"` // why it is allowed for a confined plugin
}

// Probe is the plugin that tries to break out. [core.Options.Serve] must serve it as well as
// [core.Options.Plugins].
func Probe() sdk.Plugin { return probe.Plugin() }

// Doctor checks the machine, starts every plugin, and has the probe try what plugins must not do.
// It also checks the pipeline p, unless that is nil. Problems are in the diagnosis; the error says
// that the check itself failed.
func Doctor(ctx context.Context, o core.Options, p *core.Pipeline) (*Diagnosis, error) {
	system := sandbox.System()
	limits := sandbox.DefaultLimits()
	d := &Diagnosis{
		Version: o.Version, Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernel: system.Kernel,
		Landlock: system.Landlock,
		Seccomp:  system.Seccomp, Root: system.Root, Limits: SandboxLimits(limits), Problems: []string{},
		Probe: []ProbeResult{},
	}
	level, err := d.levels(o, p, system)
	if err != nil {
		return nil, err
	}
	host, err := pluginhost.New(pluginhost.Options{Sandbox: level})
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }() // it kept nothing
	for _, plugin := range o.Plugins {
		d.start(ctx, host, o, plugin)
	}
	if p != nil {
		d.pipeline(ctx, p)
	}
	if err := d.probe(ctx, host, o, level); err != nil {
		d.Problems = append(d.Problems, err.Error())
	}
	return d, ctx.Err()
}

// levels checks the levels, and returns that of the probe: the level of a run, or the best
// available.
func (d *Diagnosis) levels(o core.Options, p *core.Pipeline, system sandbox.Support) (sandbox.Level, error) {
	for _, l := range sandbox.Levels() {
		state := LevelState{Level: string(l)}
		if err := system.Check(l); err != nil {
			state.Missing = err.Error()
			if missing := (*sandbox.MissingError)(nil); errors.As(err, &missing) {
				state.Missing = missing.What
			}
		}
		d.Levels = append(d.Levels, state)
	}
	level, err := sandbox.LevelOf(o.Sandbox, "")
	if p != nil {
		named, _ := p.Sandbox()
		level, err = sandbox.Level(named), nil
	}
	if err != nil {
		return "", err
	}
	if err := system.Check(level); err != nil {
		d.Problems = append(d.Problems, err.Error())
		level = system.Best()
	}
	d.Level, d.Confined = string(level), level.Confines()
	return level, nil
}

// start starts a plugin and reads its description.
func (d *Diagnosis) start(ctx context.Context, host *pluginhost.Host, o core.Options, plugin sdk.Plugin) {
	path, args := o.Serve(plugin.Name)
	began := time.Now()
	info, err := host.Describe(ctx, path, "", args...)
	state := PluginState{Kind: plugin.Kind, Name: plugin.Name, Version: info.Version, Start: time.Since(began)}
	if err != nil {
		state.Error = err.Error()
		d.Problems = append(d.Problems, err.Error())
	}
	d.Plugins = append(d.Plugins, state)
}

// pipeline reads the state of a pipeline.
func (d *Diagnosis) pipeline(ctx context.Context, p *core.Pipeline) {
	d.Pipeline = &PipelineHealth{Name: p.Name(), Dir: p.StateDir()}
	state, err := p.State(ctx, core.StateOptions{Runs: -1})
	if err == nil {
		err = writable(p.StateDir())
	}
	if err != nil {
		d.Pipeline.Error = err.Error()
		d.Problems = append(d.Problems, fmt.Sprintf("the state of %s: %v", p.Name(), err))
		return
	}
	if d.Pipeline.Runs = len(state.Runs); d.Pipeline.Runs > 0 {
		d.Pipeline.Last = cmp.Or(string(state.Runs[0].Outcome), "unfinished")
	}
}

// writable returns why nothing can be written to a folder. For a missing folder, it checks the
// first existing one above it.
func writable(dir string) error {
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".scrapekit-doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// probe runs all attempts of the probe.
func (d *Diagnosis) probe(ctx context.Context, host *pluginhost.Host, o core.Options, level sandbox.Level) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	path, args := o.Serve(probe.Name)
	limits := sandbox.DefaultLimits()
	limits.Threads, limits.Memory = probe.Threads, min(limits.Memory, probe.Memory)
	results, err := probe.Run(ctx, func(ctx context.Context, s probe.Start) (sdk.Source, func(), error) {
		p, err := host.Start(ctx, pluginhost.Spec{
			Label: "source probe", Path: path, Args: args, Config: s.Settings, Read: s.Read, Write: s.Write,
			Limits: limits,
		})
		if err != nil {
			return nil, nil, err
		}
		return p.Source(), func() { _ = p.Stop(ctx) }, nil
	})
	for _, r := range results {
		if r.Name == probe.BeyondMemory && limits.Memory == 0 {
			r.Known, r.Always = "this build sets no limit of memory, because the race detector needs more", true
		}
		d.Probe = append(d.Probe, ProbeResult{Group: r.Group, Name: r.Name, Allowed: r.Allowed, Said: r.Said,
			Known: r.Known})
		if r.Allowed && level.Confines() && (r.Known == "" || level == sandbox.Full && !r.Always) {
			d.Problems = append(d.Problems, fmt.Sprintf("at the level %s a plugin can %s", level, r.Name))
		}
	}
	return err
}
