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

// Options are what a program that runs pipelines provides.
type Options struct {
	Version string
	Plugins []sdk.Plugin // the first-party ones
	// Serve returns the command that serves a first-party plugin as a process of its own.
	Serve func(name string) (path string, args []string)
	// Attach are sockets of plugins that run already, in a debugger say, by the names of their
	// stages.
	Attach map[string]string
	// Program returns the executable to run in the place of a third party's, whose absolute path
	// the file names; nil: that one.
	Program func(path string) string
	Vars    map[string]string // values for the file's variables
	// Output is where the lines go that plugins print on stdout or stderr, each with its stage's
	// name before it, without the secrets of the file; nil: to the log, at the level debug.
	Output io.Writer
	Log    io.Writer   // where log lines go, without the secrets of the file; nil: nowhere
	Level  hclog.Level // the least level of a line
	Stdout io.Writer   // where the sink stdout writes; nil: os.Stdout
	// StateDir overrides where the state of pipelines is kept; "": .scrapekit beside the file.
	StateDir string
	// Cache says what is done with replies that are kept, where the file has a cache block; "": as
	// HTTP has it.
	Cache CacheMode
	// Hosts makes the pipelines of one process keep to the limits of a host together; nil: each by
	// itself.
	Hosts *Hosts
	// Record is a file that every exchange goes to; Replay one that answers instead of the network.
	// A replay has a state of its own, and its sinks write below [Pipeline.StateDir].
	Record, Replay string
	// Sandbox is the level of the sandbox, whatever the file says; "": as it says. See
	// SandboxLevels.
	Sandbox string
}

// CacheMode says what a run does with the caches of its blocks.
type CacheMode = httppolicy.CacheMode

// CacheModes are all of them.
var CacheModes = httppolicy.CacheModes

// Hosts is what a process knows of the hosts that it asks.
type Hosts = ratelimit.Hosts

// NewHosts returns a Hosts that knows nothing yet.
func NewHosts() *Hosts { return ratelimit.NewHosts(nil) }

// Pipeline is a pipeline file that was read and found right.
type Pipeline struct {
	config *config.Pipeline
	opts   Options
	redact *redact.Set
	logger hclog.Logger
	level  sandbox.Level

	secrets []*secret // obtained when they are needed
}

// Diagnostics are everything there is to say about a pipeline file.
type Diagnostics = config.Diagnostics

// Paint puts a text into a style, which is named by the parameters of its escape: "1;31".
type Paint = config.Paint

// WriteDiagnostics prints diagnostics for people, each with the lines of the file that it is about.
// paint nil: in no style.
func WriteDiagnostics(w io.Writer, d Diagnostics, paint Paint, width int) error {
	return config.Write(w, d, paint, width)
}

// Load reads and checks a pipeline file. What is wrong with it comes as [Diagnostics], all at once;
// they may hold warnings when there is no error.
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

// Hide takes the secrets of the pipeline out of a text.
func (p *Pipeline) Hide(text string) string { return p.redact.String(text) }

// Caches reports whether a block of the file has a cache.
func (p *Pipeline) Caches() bool {
	return slices.ContainsFunc(p.blocks(), func(b config.Block) bool { return b.HTTP.Cache != nil })
}

// StateDir returns the folder that holds the pipeline's state.
func (p *Pipeline) StateDir() string { return p.config.StateDir }

// home is where the pipeline's state lies.
func (p *Pipeline) home() state.Home { return state.Home(p.config.StateDir) }

// lookup describes plugins for config: first-party ones from the list, others by asking them.
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
	defer func() { _ = h.Close() }() // it described itself or did not: its end changes nothing
	return h.DescribeAttached(ctx, b.Path)
}

func (l *lookup) firstParty(b config.BlockRef) (sdk.Plugin, error) {
	i := slices.IndexFunc(l.opts.Plugins, func(p sdk.Plugin) bool { return p.Name == b.Type && p.Kind == b.Kind })
	if i < 0 {
		return sdk.Plugin{}, fmt.Errorf("there is no %s called %q", b.Kind, b.Type)
	}
	return l.opts.Plugins[i], nil
}

// build makes a first-party plugin of its settings, for its own check of them: New of ours reaches
// nothing outside. A third party's is checked when it starts.
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
