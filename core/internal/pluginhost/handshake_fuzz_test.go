//go:build !windows

package pluginhost

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// speaker is a process that says one line and then nothing.
type speaker struct {
	*pluginRunner
	line  string
	ended chan struct{}
}

func (s *speaker) Start(context.Context) error { return nil }
func (s *speaker) Stdout() io.ReadCloser       { return io.NopCloser(strings.NewReader(s.line + "\n")) }
func (s *speaker) Name() string                { return "speaker" }
func (s *speaker) ID() string                  { return "1" }
func (s *speaker) Wait(context.Context) error  { <-s.ended; return nil }
func (s *speaker) Kill(context.Context) error  { return nil }

// FuzzHandshake: whatever a program prints first, the host reaches for nothing but a socket in the
// folder that it gave it.
func FuzzHandshake(f *testing.F) {
	for _, address := range []string{"DIR/s", "DIR/file", "DIR/link", "DIR/../s", "DIR/./s", "DIR", "", "s",
		"/var/run/docker.sock", "127.0.0.1:80"} {
		for _, network := range []string{"unix", "tcp", ""} {
			f.Add("1|1|" + network + "|" + address + "|grpc")
		}
	}
	f.Add("1|1|unix|DIR/s|grpc|bm8gY2VydGlmaWNhdGU|true")
	f.Add("1|2|unix|DIR/s|netrpc")
	f.Add("||||||")
	f.Add("-1|99999999999999999999|unix|DIR/s|grpc|\x00|maybe")
	dir, err := os.MkdirTemp("", "handshake") // short: the name of a socket may be 108 bytes long
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"s", "outside"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			f.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := l.Close(); err != nil {
			f.Fatal(err)
		}
	}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		f.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "s"), filepath.Join(inside, "s")); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "file"), nil, 0o600); err != nil {
		f.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(inside, "link")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s := &speaker{pluginRunner: &pluginRunner{socketDir: inside}, line: strings.ReplaceAll(line, "DIR", inside),
			ended: make(chan struct{})}
		defer close(s.ended)
		c := plugin.NewClient(&plugin.ClientConfig{
			HandshakeConfig: rpc.Handshake(), VersionedPlugins: rpc.HostSet(),
			AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
			RunnerFunc:       func(hclog.Logger, *exec.Cmd, string) (runner.Runner, error) { return s, nil },
			StartTimeout:     time.Minute, Logger: hclog.NewNullLogger(),
		})
		address, err := c.Start()
		if err != nil {
			return
		}
		if got := address.String(); got != filepath.Join(inside, "s") || address.Network() != "unix" {
			t.Errorf("%q: the host would connect to %s %s", line, address.Network(), got)
		}
	})
}
