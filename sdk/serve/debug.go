// Debug: a plugin that is started by a debugger, and not by its host.

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

// DebugVar is the variable of the environment that makes a plugin wait for a host, when it is
// started by hand. It then runs as any program of the user's does: not confined, and as long as it
// likes.
const DebugVar = "SCRAPEKIT_DEBUG"

// debugged serves hosts that attach until the process is interrupted, and returns the exit code.
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
	dir, err := os.MkdirTemp("", "scrapekit-debug-") // of this user alone
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
