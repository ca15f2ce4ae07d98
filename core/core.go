// Load: a pipeline file and the plugins that it names, ready to run.

package core

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/installed"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/core/internal/state"
	"github.com/scrapekit/scrapekit/sdk"
)

// Options are what the program that embeds the host provides.
type Options struct {
	Version string
	Plugins []sdk.Plugin // first-party plugins
	// Serve returns the command that serves a first-party plugin as a process of its own.
	Serve func(name string) (path string, args []string)
	// Attach maps names of stages to the sockets of plugins that already run, for example in a
	// debugger.
	Attach map[string]string
	// Program returns the executable to start instead of a third-party plugin, given the absolute
	// path in the file; nil: start that path.
	Program func(path string) string
	Vars    map[string]string // values for the file's variables
	// Output receives the lines that plugins print on stdout or stderr. Each has the name of its
	// stage in front, and secrets of the file are removed; nil: the lines go to the log at level
	// debug.
	Output io.Writer
	Log    io.Writer   // receives log lines, without secrets of the file; nil: no log
	Level  hclog.Level // the lowest level that is logged
	Stdout io.Writer   // where the sink stdout writes; nil: os.Stdout
	// StateDir overrides where the state of pipelines is kept; "": .scrapekit beside the file.
	StateDir string
	// Cache says how the caches of the file's blocks are used; "": as HTTP defines it.
	Cache CacheMode
	// Hosts makes all pipelines of a process share the limits of each host; nil: each pipeline
	// keeps limits of its own.
	Hosts *Hosts
	// Record is a file to which every exchange is written. Replay is a recording that answers
	// instead of the network. A replay has state of its own, and its sinks write below
	// [Pipeline.StateDir].
	Record, Replay string
	// Sandbox overrides the file's level of the sandbox; "": the level of the file. See
	// SandboxLevels.
	Sandbox string
}

// CacheMode says how a run uses the caches of its blocks.
type CacheMode = httppolicy.CacheMode

// CacheModes are all modes.
var CacheModes = httppolicy.CacheModes

// Hosts is what a process has learned about the limits of hosts.
type Hosts = ratelimit.Hosts

// NewHosts returns an empty Hosts.
func NewHosts() *Hosts { return ratelimit.NewHosts(nil) }

// Pipeline is a pipeline file that was read and is valid.
type Pipeline struct {
	config *config.Pipeline
	opts   Options
	redact *redact.Set
	logger hclog.Logger
	level  sandbox.Level

	secrets []*secret // obtained on first use
}

// Diagnostics are the errors and warnings about a pipeline file.
type Diagnostics = config.Diagnostics

// Paint applies a style to text. The style is the parameters of an escape sequence, such as "1;31".
type Paint = config.Paint

// WriteDiagnostics prints diagnostics for people, each with the lines of the file that it concerns.
// If paint is nil, the text has no style.
func WriteDiagnostics(w io.Writer, d Diagnostics, paint Paint, width int) error {
	return config.Write(w, d, paint, width)
}

// Load reads and checks a pipeline file. It returns all errors at once as [Diagnostics], which may
// hold warnings even if there is no error.
func Load(ctx context.Context, file string, o Options) (*Pipeline, Diagnostics) {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	secrets := &redact.Set{}
	l := &lookup{opts: o, logger: secrets.Logger(o.Log, o.Level)}
	plugins := &installed.Plugins{LockFile: lock.Beside(file)}
	c, diags := config.Load(ctx, file, config.Options{Installed: plugins.Program, Granted: plugins.Granted,
		Paths: plugins.Paths, Own: installed.OwnFolders(), Vars: o.Vars, Lookup: l.describe, Names: l.names,
		Build: l.build, Program: o.Program, Attached: o.Attach, Getenv: os.LookupEnv,
		StateDir: o.StateDir, Replay: o.Replay != "", Levels: SandboxLevels(), Loose: looseLevels(o.Sandbox)})
	if diags.HasErrors() {
		return nil, diags
	}
	if err := unattached(c, o.Attach); err != nil {
		return nil, append(diags, config.Diagnostic{Severity: config.Error, Summary: err.Error()})
	}
	level, err := sandbox.LevelOf(o.Sandbox, c.Sandbox)
	if err != nil {
		return nil, append(diags, config.Diagnostic{Severity: config.Error, Summary: err.Error()})
	}
	for _, s := range c.Secrets {
		secrets.Add(s)
	}
	return &Pipeline{config: c, opts: o, redact: secrets, logger: l.logger, level: level,
		secrets: newSecrets(c.Late, secrets)}, diags
}

// Name returns the pipeline's name.
func (p *Pipeline) Name() string { return p.config.Name }

// Hide removes the secrets of the pipeline from a text.
func (p *Pipeline) Hide(text string) string { return p.redact.String(text) }

// Caches reports whether a block of the file has a cache.
func (p *Pipeline) Caches() bool {
	return slices.ContainsFunc(p.blocks(), func(b config.Block) bool { return b.HTTP.Cache != nil })
}

// StateDir returns the folder that holds the pipeline's state.
func (p *Pipeline) StateDir() string { return p.config.StateDir }

// home is the state folder of the pipeline.
func (p *Pipeline) home() state.Home { return state.Home(p.config.StateDir) }

// lookup describes plugins to package config: first-party plugins from the list, others by starting
// them and asking.
type lookup struct {
	opts   Options
	logger hclog.Logger
}

func (l *lookup) names(kind sdk.Kind) []string {
	var out []string
	for _, p := range l.opts.Plugins {
		if p.Kind == kind {
			out = append(out, p.Name)
		}
	}
	if kind == sdk.KindSink {
		out = append(out, StdoutSink().Name)
	}
	return out
}

func (l *lookup) describe(ctx context.Context, b config.BlockRef) (sdk.Info, error) {
	if isStdout(b) {
		return StdoutSink(), nil
	}
	if b.Path == "" {
		p, err := l.firstParty(b)
		return p.Info, err
	}
	level, err := sandbox.LevelOf(l.opts.Sandbox, b.Sandbox)
	if err != nil {
		return sdk.Info{}, err
	}
	o := pluginhost.Options{Logger: l.logger, Sandbox: level}
	if !b.Attached {
		return pluginhost.DescribeProgram(ctx, o, b.Path, b.Digest)
	}
	h, err := pluginhost.New(o)
	if err != nil {
		return sdk.Info{}, err
	}
	// the description is complete or failed already: an error of closing changes nothing
	defer func() { _ = h.Close() }()
	return h.DescribeAttached(ctx, b.Path)
}

func (l *lookup) firstParty(b config.BlockRef) (sdk.Plugin, error) {
	i := slices.IndexFunc(l.opts.Plugins, func(p sdk.Plugin) bool { return p.Name == b.Type && p.Kind == b.Kind })
	if i < 0 {
		return sdk.Plugin{}, fmt.Errorf("there is no %s called %q", b.Kind, b.Type)
	}
	return l.opts.Plugins[i], nil
}

// build makes a first-party plugin from its settings, so that the plugin checks them. This has no
// outside effect. A third-party plugin is checked when it starts.
func (l *lookup) build(ctx context.Context, b config.BlockRef, settings json.RawMessage) error {
	if b.Path != "" || isStdout(b) {
		return nil
	}
	p, err := l.firstParty(b)
	if err != nil {
		return err
	}
	v, err := p.New(ctx, settings)
	if err != nil {
		return err
	}
	if c, ok := v.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
