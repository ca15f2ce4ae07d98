// Debug: a plugin that a debugger starts, not its host.

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// DebugVar is the environment variable that makes a plugin started by hand wait for a host. The
// plugin then runs as any program of the user does: without a sandbox, and with no limit of time.
const DebugVar = "SCRAPEKIT_DEBUG"

// debugged serves the hosts that attach until the process is interrupted, and returns the exit
// code.
func debugged(p sdk.Plugin, says io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := waitForHosts(ctx, p, says); err != nil {
		fmt.Fprintln(says, p.Name+":", err)
		return 1
	}
	return 0
}

func waitForHosts(ctx context.Context, p sdk.Plugin, says io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "scrapekit-debug-") // readable by this user alone
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket := filepath.Join(dir, "plugin")
	l, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	fmt.Fprintf(says, "%s %s waits for a host, and is not confined. Name the %s's block in the pipeline file:\n\n"+
		"    scrapekit run FILE --attach %s=%s\n",
		p.Name, p.Version, p.Kind, p.Name, socket)
	err = rpc.ServeAttached(p, l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
