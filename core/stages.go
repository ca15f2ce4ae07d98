// Stages: the blocks of the file as plugins that the pipeline can start.

package core

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/dial"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/files"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/state"
	"github.com/scrapekit/scrapekit/sdk"
)

// parts are what a run needs beyond the file.
type parts struct {
	*Pipeline
	host  *pluginhost.Host
	fetch *fetch.Client
	dial  *dial.Client
	spool string
	room  *disk.Room // disk space that spool files share
	own   state.Home // the state folder with the private folders of stages
	made  madeFolders
	files func() (*files.Folder, error) // the folder where the source keeps files; nil: none
}

func (p *parts) source() pipeline.Stage[sdk.Source] {
	return stage(p, p.config.Source, (*pluginhost.Plugin).Source)
}

func (p *parts) transforms() []pipeline.Stage[sdk.Transform] {
	var out []pipeline.Stage[sdk.Transform]
	for _, b := range p.config.Transforms {
		out = append(out, stage(p, b, (*pluginhost.Plugin).Transform))
	}
	return out
}

func (p *parts) sinks() []pipeline.Stage[sdk.Sink] {
	var out []pipeline.Stage[sdk.Sink]
	for _, b := range p.config.Sinks {
		s := stage(p, b, (*pluginhost.Plugin).Sink)
		if toStdout(b) {
			s.Start = func(context.Context) (pipeline.Instance[sdk.Sink], error) {
				return inProcess(sdk.Sink(newStdout(p.opts.Stdout))), nil
			}
		}
		out = append(out, s)
	}
	return out
}

// stageKey names a block in the state: "source.jira".
func stageKey(b config.Block) string { return string(b.Kind) + "." + b.Name }

// stage makes a stage from a block: a process that is started, and restarted after a crash.
func stage[P any](p *parts, b config.Block, pick func(*pluginhost.Plugin) P) pipeline.Stage[P] {
	name := stageName(b)
	return pipeline.Stage[P]{
		Name: name, Foreign: b.Path != "", Streams: b.Streams, MaxRejects: b.OnError.MaxRejects,
		MaxIdle:  b.OnError.MaxIdle,
		Attempts: b.OnError.Attempts, Patience: b.OnError.Patience, MaxWait: b.HTTP.MaxWait, Connects: len(b.Dial) > 0,
		Dir: p.privateDir(b), Place: b.Pos,
		Start: func(ctx context.Context) (pipeline.Instance[P], error) {
			plugin, err := p.start(ctx, b)
			if err != nil {
				return pipeline.Instance[P]{}, err
			}
			inst := pipeline.Instance[P]{Plugin: pick(plugin), Exited: plugin.Exited(), Stop: plugin.Stop}
			if plugin.Features().Check {
				inst.Check = plugin.Check
			}
			return inst, nil
		},
	}
}

func (p *parts) start(ctx context.Context, b config.Block) (*pluginhost.Plugin, error) {
	services, err := p.services(ctx, b)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	if err := p.made.make(b); err != nil {
		return nil, sdk.Permanent(err)
	}
	if err := p.makePrivate(b); err != nil {
		return nil, sdk.Permanent(err)
	}
	s := p.spec(b)
	s.Services = services
	plugin, err := p.host.Start(ctx, s)
	if err != nil && !IsCrash(err) && ctx.Err() == nil { // the settings are wrong, which a retry does not mend
		err = fmt.Errorf("%w (the block at %s)", err, b.Pos)
	}
	return plugin, err
}

// at adds the name of the stage to an error, once: errors of starting a plugin already have it.
func at(stage string, err error) error {
	if pipeline.StageOf(err) != "" {
		return err
	}
	return fmt.Errorf("%s: %w", stage, err)
}

// spec says how to start a block's plugin, without the services of the host.
func (p *parts) spec(b config.Block) pluginhost.Spec {
	path, args := b.Path, []string(nil)
	if path == "" {
		path, args = p.opts.Serve(b.Type)
	}
	write := b.Write
	if dir := p.privateDir(b); dir != "" {
		write = append(slices.Clone(write), dir)
	}
	var output func(line string)
	if p.opts.Output != nil {
		output = func(line string) { fmt.Fprintf(p.opts.Output, "%s: %s\n", stageName(b), line) }
	}
	return pluginhost.Spec{
		Output: output,
		Label:  stageName(b), Kind: b.Kind, Path: path, Attached: b.Attached, Args: args, Digest: b.Digest,
		Config: b.Config,
		Read:   b.Read, Write: write, Logger: p.logger.Named(b.Name), Hide: p.redact.String,
	}
}

// dialer returns the function with which the plugin opens TCP connections.
func (p *parts) dialer(b config.Block) dial.Func {
	return p.dial.For(dial.Policy{Plugin: stageName(b), Pos: b.Pos, Granted: b.Dial, Asked: b.AsksDial})
}

// services returns what the host offers to a plugin.
func (p *parts) services(ctx context.Context, b config.Block) (sdk.Host, error) {
	transport, err := p.transport(ctx, b)
	if err != nil {
		return sdk.Host{}, err
	}
	host := sdk.Host{Transport: transport, Dial: p.dialer(b)}
	if b.Kind == sdk.KindSource {
		keeper := &files.Keeper{Next: body.ForFiles(transport), Folder: p.files, MaxSize: b.Files.MaxSize,
			TooLong: fault.IsTooLarge}
		host.Keep = keeper.Keep
	}
	return host, nil
}

// transport returns the plugin's HTTP client, with the policy of its block.
func (p *parts) transport(ctx context.Context, b config.Block) (http.RoundTripper, error) {
	policy, err := b.HTTP, error(nil)
	policy.Plugin, policy.Pos = stageName(b), b.Pos
	policy.SpoolDir, policy.SpoolRoom = p.spool, p.room
	policy.Reads = b.Kind == sdk.KindSource && b.HTTP.Methods != nil
	if policy.Auth, err = p.credentials(ctx, b); err != nil {
		return nil, err
	}
	if policy.Cache != nil {
		cache := *policy.Cache
		cache.Dir, cache.Mode, cache.MaxAge = p.cacheDir(b), p.opts.Cache, p.config.Retention.Replies
		policy.Cache = &cache
	}
	policy.MaxBody = max(cmp.Or(b.HTTP.MaxBody, httppolicy.DefaultMaxBody), b.Files.MaxSize)
	return p.fetch.For(policy)
}

// keepIn returns a function that opens the folder for kept files on first use; nil if the pipeline
// file names none. A dir other than "" replaces the file's folder.
func (p *Pipeline) keepIn(dir string) func() (*files.Folder, error) {
	path := p.config.Source.Files.Path
	if path == "" {
		return nil
	}
	owner := p.config.StateDir + "\x00" + stageName(p.config.Source)
	return sync.OnceValues(func() (*files.Folder, error) { return files.Open(cmp.Or(dir, path), owner) })
}

// inProcess is an instance inside the host, which needs no start and cannot crash by itself.
func inProcess[P any](plugin P) pipeline.Instance[P] {
	return pipeline.Instance[P]{Plugin: plugin, Stop: func(context.Context) error { return nil }}
}

// cacheDir returns the folder with the cached replies of a stage.
func (p *Pipeline) cacheDir(b config.Block) string {
	return p.home().Cache(stageKey(b))
}
