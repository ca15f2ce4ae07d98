// Greet: starts a program only up to its handshake, for conformance checks.

package pluginhost

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// greetTimeout bounds the time to the first line of output, or to the exit.
const greetTimeout = 30 * time.Second

// Greeting is the beginning of a program's run.
type Greeting struct {
	Line   string   // first line of stdout
	Ended  bool     // it exited by itself
	Code   int      // its exit code
	Output []string // its last other lines
}

// Greet starts a program, waits for its first line of output or its exit, and kills it. versions
// are the versions of the protocol to offer, such as "1,2"; without any, it starts as if by hand.
// The error says that it could not be started.
func (h *Host) Greet(ctx context.Context, s Spec, versions string) (Greeting, error) {
	if err := h.enter(); err != nil {
		return Greeting{}, err
	}
	defer h.starts.Done()
	program, err := openProgram(s.Path, s.Digest)
	if err != nil {
		return Greeting{}, sdk.Permanent(at(s.Label, fmt.Errorf("%s: %w", s.Path, err)))
	}
	defer program.Close() // opened only for reading
	sockets, err := os.MkdirTemp(h.dir.path, "greet")
	if err != nil {
		return Greeting{}, err
	}
	defer func() { _ = os.RemoveAll(sockets) }() // best effort: the host removes the parent
	out := &lines{log: h.log, hide: s.Hide}
	cmd := &exec.Cmd{Path: s.Path, Args: append([]string{s.Path}, s.Args...)}
	if versions != "" {
		cmd.Env = append(rpc.HandshakeEnv(versions), "PLUGIN_UNIX_SOCKET_DIR="+sockets)
	}
	p := newProcess(cmd, out, func(cmd *exec.Cmd) error { return h.startIn(cmd, program, sockets, s) })
	p.memory = h.memory(s)
	if err := p.run(); err != nil {
		return Greeting{}, sdk.Permanent(at(s.Label, execError(err)))
	}
	go p.watchFolder(sockets)
	return p.greeting(ctx, out), ctx.Err()
}

// greeting waits for a handshake or the exit, whichever comes first.
func (p *process) greeting(ctx context.Context, out *lines) Greeting {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, p.kill)()
	line, err := bufio.NewReader(p.handshake).ReadString('\n')
	if err == nil && strings.Count(line, "|") >= 4 {
		p.kill()
	}
	<-p.ended
	g := Greeting{Ended: !p.killedByUs(), Line: out.hide.clean(strings.TrimSpace(line), maxKept)}
	g.Output, _ = out.tail()
	if p.state != nil {
		g.Code = p.state.ExitCode()
	}
	return g
}

// Kill kills the plugin's process with SIGKILL, and releases its resources.
func (p *Plugin) Kill() { p.abandon() }

// Describe asks the running plugin for its description.
func (p *Plugin) Describe(ctx context.Context) (sdk.Info, error) {
	info, err := p.conn.Describe(ctx)
	return info, p.explain(err)
}
