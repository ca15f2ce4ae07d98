// The process as go-plugin wants to see it, and the check of the address that a plugin names.

package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
)

// pluginRunner is a [runner.Runner] over a process.
type pluginRunner struct {
	*process
	socketDir string // where the plugin is to listen; go-plugin makes it
	refused   error  // why PluginToHost refused
	accepted  bool   // it did not: the handshake was one
}

// take is a RunnerFunc: it takes over the environment and the folder that go-plugin has prepared.
func (r *pluginRunner) take(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
	r.cmd.Env, r.socketDir = cmd.Env, socketDir
	return r, nil
}

func (r *pluginRunner) Start(context.Context) error {
	err := r.run()
	if err == nil {
		go r.watchFolder(r.socketDir)
	}
	return err
}

func (r *pluginRunner) Stdout() io.ReadCloser { return r.handshake }

// Stderr is empty for go-plugin: the process's lines are read by [lines].
func (r *pluginRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

func (r *pluginRunner) Name() string { return r.cmd.Path }

// ID is never empty, or go-plugin's Kill would do nothing.
func (r *pluginRunner) ID() string { return strconv.Itoa(r.pid()) }

// Diagnose adds nothing to go-plugin's messages: ours are made from what the process did.
func (r *pluginRunner) Diagnose(context.Context) string { return "" }

func (r *pluginRunner) Wait(context.Context) error {
	<-r.ended
	return nil
}

func (r *pluginRunner) Kill(context.Context) error {
	r.kill()
	return nil
}

// PluginToHost takes only an address at which nobody but the plugin can listen. A plugin that names
// another (the socket of an agent, a server on the network) would have the host connect to it.
func (r *pluginRunner) PluginToHost(network, address string) (string, string, error) {
	address = r.given(address)
	if err := checkAddress(r.socketDir, network, address); err != nil {
		r.refused = err
		return "", "", err
	}
	r.accepted = true
	return network, address, nil
}

func (r *pluginRunner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// given returns where the plugin is to be reached that says it is at an address: a confined one may
// have got its socket from the sandbox, whatever name it asked for.
func (r *pluginRunner) given(address string) string {
	socket := filepath.Join(r.socketDir, sandbox.SocketName)
	_, err := os.Lstat(address)
	if filepath.Dir(address) == r.socketDir && errors.Is(err, fs.ErrNotExist) && checkSocket(socket) == nil {
		return socket
	}
	return address
}

// checkAddress accepts a socket directly in dir, or where there are no sockets a loopback port.
func checkAddress(dir, network, address string) error {
	shown := clean(network+" "+address, maxKept)
	if overTCP {
		host, _, err := net.SplitHostPort(address)
		if err != nil || network != "tcp" || host != "127.0.0.1" {
			return fmt.Errorf("it wants to be reached at %q, and only a port of 127.0.0.1 is allowed", shown)
		}
		return nil
	}
	if network != "unix" {
		return fmt.Errorf("it wants to be reached at %q, and only a unix socket in the folder PLUGIN_UNIX_SOCKET_DIR is allowed", shown)
	}
	if filepath.Dir(address) != dir || filepath.Clean(address) != address {
		return fmt.Errorf("it wants to be reached at %q, which is not in the folder PLUGIN_UNIX_SOCKET_DIR that it was given", shown)
	}
	return checkSocket(address)
}
