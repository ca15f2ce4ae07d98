// The process as go-plugin's Runner, and the check of the plugin's address.

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
	socketDir string // made by go-plugin for the plugin's socket
	refused   error  // error of PluginToHost
	accepted  bool   // PluginToHost succeeded: the handshake was valid
}

// take is a RunnerFunc. It takes over the environment and the folder that go-plugin has prepared.
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

// Stderr is empty for go-plugin, because [lines] reads the output.
func (r *pluginRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

func (r *pluginRunner) Name() string { return r.cmd.Path }

// ID is never empty, because go-plugin's Kill would then do nothing.
func (r *pluginRunner) ID() string { return strconv.Itoa(r.pid()) }

// Diagnose adds nothing to go-plugin's messages, which are replaced anyway.
func (r *pluginRunner) Diagnose(context.Context) string { return "" }

func (r *pluginRunner) Wait(context.Context) error {
	<-r.ended
	return nil
}

func (r *pluginRunner) Kill(context.Context) error {
	r.kill()
	return nil
}

// PluginToHost accepts only an address at which nobody but the plugin can listen. Otherwise a
// plugin could make the host connect to another service, such as an agent's socket.
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

// given returns the actual address of a plugin: the sandbox may have given it another socket than
// it asked for.
func (r *pluginRunner) given(address string) string {
	socket := filepath.Join(r.socketDir, sandbox.SocketName)
	_, err := os.Lstat(address)
	if filepath.Dir(address) == r.socketDir && errors.Is(err, fs.ErrNotExist) && checkSocket(socket) == nil {
		return socket
	}
	return address
}

// checkAddress accepts a socket directly in dir or, without unix sockets, a loopback port.
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
		return fmt.Errorf("it wants to be reached at %q, and only a unix socket in the folder "+
			"PLUGIN_UNIX_SOCKET_DIR is allowed", shown)
	}
	if filepath.Dir(address) != dir || filepath.Clean(address) != address {
		return fmt.Errorf("it wants to be reached at %q, which is not in the folder PLUGIN_UNIX_SOCKET_DIR that it "+
			"was given", shown)
	}
	return checkSocket(address)
}
