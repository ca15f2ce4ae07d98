// Start: starts a plugin up to its settings, with a clear error for each kind of failure.

package pluginhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// Spec says what to start and how.
type Spec struct {
	Label    string              // such as "source jira"; prefix of every message about the plugin
	Kind     sdk.Kind            // required kind; "": any
	Path     string              // of the program
	Attached bool                // Path is the socket of a plugin that already runs
	Args     []string            // without the program's name
	Digest   string              // required digest, "sha256:" and 64 hex digits; "": any
	Read     []string            // absolute paths of files and folders that it may read
	Write    []string            // and of those that it may also write
	Limits   sandbox.Limits      // of its process; none: [sandbox.DefaultLimits]
	Config   json.RawMessage     // its settings
	Services sdk.Host            // what the host offers to it
	Logger   hclog.Logger        // receives its log and stderr; nil: only for a crash report
	Hide     func(string) string // removes secrets from its output; nil: none are known
	// Output receives each line of stdout and stderr that is neither a log entry nor part of a
	// panic; nil: none.
	Output func(line string)
}

// errSlow is the cause with which a slow start is cancelled.
var errSlow = errors.New("too slow")

// Start starts a plugin and sends it its settings. If ctx is done before that, the plugin is
// killed; later, ctx has no effect. The caller must stop the plugin, even after a crash. A crash
// during the start is a [Crash]. Errors that a retry cannot help are marked with sdk.Permanent.
func (h *Host) Start(ctx context.Context, s Spec) (*Plugin, error) {
	p, err := h.launch(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := p.configure(ctx, s); err != nil {
		p.abandon()
		return nil, err
	}
	return p, nil
}

// launch starts a plugin and reads its description.
func (h *Host) launch(ctx context.Context, s Spec) (*Plugin, error) {
	if err := h.enter(); err != nil {
		return nil, at(s.Label, err)
	}
	defer h.starts.Done()
	if s.Attached {
		return h.attach(ctx, s)
	}
	program, err := openProgram(s.Path, s.Digest)
	if err != nil {
		if !strings.HasSuffix(s.Label, s.Path) {
			err = fmt.Errorf("%s: %w", s.Path, err)
		}
		return nil, sdk.Permanent(at(s.Label, err))
	}
	defer program.Close() // opened only for reading
	if h.opened != nil {
		h.opened()
	}
	p := h.newPlugin(s, program)
	h.add(p)

	ctx, cancel := context.WithTimeoutCause(ctx, h.timeout, errSlow)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	defer context.AfterFunc(ctx, p.run.kill)() // go-plugin takes no context

	if err := p.connect(ctx, s); err != nil {
		err = p.startError(ctx, h.timeout, err)
		p.abandon()
		return nil, err
	}
	return p, nil
}

func (h *Host) newPlugin(s Spec, program *os.File) *Plugin {
	if s.Logger == nil {
		s.Logger = hclog.NewNullLogger()
	}
	pulse := &activity{}
	log := limitLog(s.Logger, pulse)
	out := &lines{log: log, hide: s.Hide, plain: s.Output}
	run := &pluginRunner{}
	cmd := &exec.Cmd{Path: s.Path, Args: append([]string{s.Path}, s.Args...)}
	run.process = newProcess(cmd, out, func(cmd *exec.Cmd) error { return h.startIn(cmd, program, run.socketDir, s) })
	run.memory = h.memory(s)
	p := &Plugin{label: s.Label, host: h, run: run, log: log, pulse: pulse}
	p.services, p.endServices = context.WithCancel(context.Background())
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  rpc.Handshake(),
		VersionedPlugins: rpc.HostSet(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  rpc.DialOptions(),
		RunnerFunc:       run.take,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: h.dir.path},
		SkipHostEnv:      h.level != sandbox.None,
		AutoMTLS:         overTCP, // a socket in a 0700 folder needs no TLS, and starts five times as fast
		StartTimeout:     h.timeout + time.Minute,
		SyncStdout:       out,
		SyncStderr:       out,
		Logger:           chatter(h.log),
	})
	return p
}

// chatter is the logger for go-plugin's own lines. It calls every end of a process an error, so its
// lines are only for debugging go-plugin.
func chatter(log hclog.Logger) hclog.Logger {
	if log.IsTrace() {
		return log.Named("go-plugin")
	}
	return hclog.NewNullLogger()
}

// connect runs the process and reads its description.
func (p *Plugin) connect(ctx context.Context, s Spec) error {
	if _, err := p.client.Start(); err != nil {
		return err
	}
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(rpc.PluginName)
	if err != nil {
		return err
	}
	p.conn = raw.(*rpc.Conn) // rpc.HostSet guarantees the type
	p.info, err = p.conn.Describe(ctx)
	if err != nil {
		return err
	}
	// The connection is established and the only one. The socket's name is no longer needed, and
	// must not stay behind if the host is killed.
	if err := os.RemoveAll(p.run.socketDir); err != nil {
		return err
	}
	return p.fits(s.Kind)
}

// configure sends the plugin the host's services and its settings.
func (p *Plugin) configure(ctx context.Context, s Spec) error {
	defer context.AfterFunc(ctx, p.endServices)()
	if s.Services.Logger == nil && s.Logger != nil {
		s.Services.Logger = slog.New(logTo{p.log, s.Hide})
	}
	var err error
	if p.served, err = p.conn.OpenHost(p.services, p.pulse.serve(s.Services)); err == nil {
		p.features, err = p.conn.Configure(ctx, s.Config)
	}
	if ctx.Err() != nil {
		return at(s.Label, fmt.Errorf("start: %w", context.Cause(ctx)))
	}
	if err = p.explain(err); err == nil {
		return nil
	}
	if crash := (*Crash)(nil); errors.As(err, &crash) {
		crash.Early = true
		return crash
	}
	return at(s.Label, err)
}

// startError explains why connect failed, by what the process did rather than by go-plugin's error.
func (p *Plugin) startError(ctx context.Context, limit time.Duration, err error) error {
	run := p.run
	lost := (*rpc.LostError)(nil)
	version, mismatch := rpc.MismatchError(err)
	first, greeted := run.firstLine()
	switch {
	case errors.Is(context.Cause(ctx), errSlow):
		return at(p.label, fmt.Errorf("the plugin did not start within %s and was ended%s", limit, p.lastLines()))
	case ctx.Err() != nil:
		return at(p.label, fmt.Errorf("start: %w", context.Cause(ctx)))
	case run.pid() == 0:
		return sdk.Permanent(at(p.label, execError(err)))
	case run.littered.Load():
		return sdk.Permanent(at(p.label,
			fmt.Errorf("the plugin made more than %d files in the folder of its socket and was ended", maxSocketFiles)))
	case run.overgrown.Load():
		crash := p.death()
		crash.Early = true
		return crash
	case run.refused != nil:
		return sdk.Permanent(at(p.label, fmt.Errorf("the plugin's handshake is refused: %w", run.refused)))
	case mismatch:
		return sdk.Permanent(at(p.label, fmt.Errorf("%s", versionHint(version))))
	case errors.As(err, &lost), !greeted && !run.killedByUs():
		crash := p.death()
		if err := sandbox.Refusal(crash.ExitCode, crash.LastLines); err != nil {
			return sdk.Permanent(at(p.label, refusalError(err)))
		}
		crash.Early = true
		return crash
	case !greeted:
		return sdk.Permanent(at(p.label,
			fmt.Errorf("the plugin closed its stdout before the handshake%s", p.lastLines())))
	case !run.accepted:
		return sdk.Permanent(at(p.label,
			fmt.Errorf("the plugin printed %q on stdout where its handshake belongs; is it a scrapekit plugin, and "+
				"does it print nothing else there?%s", first, p.lastLines())))
	}
	return at(p.label, err)
}

// lastLines ends the process, so that its output is complete, and formats the last lines as the end
// of a sentence.
func (p *Plugin) lastLines() string {
	p.run.kill()
	return p.run.crash(p.label).lines()
}

func versionHint(plugin int) string {
	who := "the plugin"
	if plugin > rpc.ProtocolVersion {
		who = "scrapekit"
	}
	return fmt.Sprintf("the plugin speaks version %d of the protocol, this scrapekit speaks %d: update %s", plugin,
		rpc.ProtocolVersion, who)
}

// refusalError explains why the sandbox could not execute the program. Programs that the system
// cannot execute at all are refused earlier, so the reason is in the environment of this process.
func refusalError(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
		return fmt.Errorf("the sandbox may not execute the program by its descriptor (execveat): %w; "+
			"something around this process forbids it, such as the seccomp profile of a container or a policy of "+
			"the system: "+
			"let it allow execveat, or run with --sandbox=env if you trust all plugins", err)
	}
	return execError(err)
}

// execError explains why the system cannot execute an existing file.
func execError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%w: not a program for %s/%s, or a script without a #! line", err, runtime.GOOS,
			runtime.GOARCH)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: the file exists, but what starts it does not: the program of its #! line, or its "+
			"dynamic loader", err)
	}
	return err
}
