// Handshake: how host and plugin find each other through go-plugin, and agree on a version.

package rpc

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/scrapekit/scrapekit/sdk"
)

// Handshake is the same on both sides. Its cookie tells a plugin that a host started it. It is no
// protection.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  ProtocolVersion,
		MagicCookieKey:   "SCRAPEKIT_PLUGIN",
		MagicCookieValue: "started-by-the-host",
	}
}

// StartedByHost reports whether a host started this process as a plugin.
func StartedByHost() bool {
	h := Handshake()
	return os.Getenv(h.MagicCookieKey) == h.MagicCookieValue
}

// HandshakeEnv is the environment of a plugin to which a host offers these versions of the
// contract, as "1,2". Tests use it to act as a host of other versions.
func HandshakeEnv(versions string) []string {
	h := Handshake()
	return []string{h.MagicCookieKey + "=" + h.MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS=" + versions,
		"PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000"}
}

// HostSet is what the host passes to go-plugin as VersionedPlugins. Dispensing [PluginName] returns
// a *[Conn].
func HostSet() map[int]plugin.PluginSet { return versioned(&wirePlugin{}) }

// Serve serves p to the host that started this process, until the host ends it. Do not print to
// stdout before: the first line there is the handshake.
func Serve(p sdk.Plugin) {
	s := newServer(p)
	s.connected = keepStdio()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: versioned(&wirePlugin{server: s}),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, serverOptions()...)...)
		},
		// go-plugin's own log is only useful to its developers.
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
	})
}

// keepStdio returns a function that restores os.Stdout and os.Stderr. go-plugin replaces them with
// pipes whose content travels in messages, so a program's last output before os.Exit would be lost.
// The host reads the original ones to their end.
func keepStdio() func() {
	stdout, stderr := os.Stdout, os.Stderr
	return sync.OnceFunc(func() { os.Stdout, os.Stderr = stdout, stderr })
}

func versioned(p plugin.Plugin) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginName: p}}
}

// wirePlugin adapts the plugin to go-plugin. server is nil on the host's side.
type wirePlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

func (w *wirePlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if w.server == nil {
		return errors.New("this plugin set is the host's; it cannot be served")
	}
	return w.server.register(s)
}

func (w *wirePlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, cc *grpc.ClientConn) (any, error) {
	return newConn(cc), nil
}

// incompatible is the text of go-plugin's error for incompatible versions, which has no type.
var incompatible = regexp.MustCompile(`incompatible API version with plugin\. Plugin version: (-?\d+)`)

// MismatchError reports whether err says that the plugin shares no version of the contract with
// this host, and returns the plugin's version. The side with the lower version (the host's is
// [ProtocolVersion]) must be updated.
func MismatchError(err error) (pluginVersion int, ok bool) {
	if err == nil {
		return 0, false
	}
	m := incompatible.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, false
	}
	v, err := strconv.Atoi(m[1])
	return v, err == nil
}
