// Greet: what a program does before it is a plugin, for tests of it.

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

// greetTimeout is how long a program may take to its first line, or its end.
const greetTimeout = 30 * time.Second

// Greeting is how a program begins.
type Greeting struct {
	Line   string   // the first on stdout
	Ended  bool     // by itself
	Code   int      // what it ended with
	Output []string // the last lines that it wrote besides
}

// Greet starts a program up to its first line of output, or its end, and ends it. It is offered
// these versions of the protocol, as "1,2"; with none it is started as if by hand. The error says
// that it cannot be started.
func (h *Host) Greet(ctx context.Context, s Spec, versions string) (Greeting, error) {
	if err := h.enter(); err != nil {
		return Greeting{}, err
	}
	defer h.starts.Done()
	program, err := openProgram(s.Path, s.Digest)
	if err != nil {
		return Greeting{}, sdk.Permanent(at(s.Label, fmt.Errorf("%s: %w", s.Path, err)))
	}
	defer program.Close() // only read from
	sockets, err := os.MkdirTemp(h.dir.path, "greet")
	if err != nil {
		return Greeting{}, err
	}
	defer func() { _ = os.RemoveAll(sockets) }() // the whole directory goes with the host
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

// greeting waits for a handshake or the end, whichever comes first.
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

// Kill ends the plugin's process as kill -9 does, and releases everything of it.
func (p *Plugin) Kill() { p.abandon() }

// Describe asks the running plugin what it is.
func (p *Plugin) Describe(ctx context.Context) (sdk.Info, error) {
	info, err := p.conn.Describe(ctx)
	return info, p.explain(err)
}
