// The handshake, with real processes: the test binary starts itself as the plugin.

package rpc

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestMain(m *testing.M) {
	if StartedByHost() {
		Serve(processPlugin())
		return
	}
	os.Exit(testsWithin(m))
}

// testsWithin runs the tests in a temporary folder of their own: a plugin that is killed leaves its
// socket there.
func testsWithin(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "rpc")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}()
	return m.Run()
}

// processPlugin emits one batch, and dies at the split "die".
func processPlugin() sdk.Plugin {
	return sourceOf(func(_ context.Context, s sdk.Split, w *sdk.Writer) error {
		if s.ID == "die" {
			os.Exit(3)
		}
		return w.Batch(batchOf(8<<20, 1000))
	})
}

// start starts this binary as a plugin, for a host that speaks the given versions.
func start(t *testing.T, versions map[int]plugin.PluginSet) (*Conn, error) {
	t.Helper()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: versions,
		Cmd:              exec.Command(os.Args[0]),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  DialOptions(),
		Logger:           hclog.NewNullLogger(),
		SyncStderr:       io.Discard,
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(PluginName)
	if err != nil {
		return nil, err
	}
	return raw.(*Conn), nil
}

func TestAPluginProcess(t *testing.T) {
	t.Parallel()
	c, err := start(t, HostSet())
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.Describe(t.Context())
	if err != nil || info.Name != "fake" {
		t.Fatalf("Describe: %+v, %v", info, err)
	}
	if _, err := c.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	out := &recorder{}
	if err := c.Source().Read(t.Context(), sdk.Split{ID: "live"}, sdk.NewWriter(out)); err != nil {
		t.Fatal(err)
	}
	if want := batchOf(8<<20, 1000).Count; out.records != want {
		t.Errorf("%d records, want %d", out.records, want)
	}
	err = c.Source().Read(t.Context(), sdk.Split{ID: "die"}, sdk.NewWriter(out))
	if !errors.As(err, new(*LostError)) {
		t.Errorf("the process is gone, and Read says: %v", err)
	}
}

func TestMismatch(t *testing.T) {
	t.Parallel()
	_, err := start(t, map[int]plugin.PluginSet{7: HostSet()[ProtocolVersion]})
	if v, ok := MismatchError(err); !ok || v != ProtocolVersion {
		t.Errorf("MismatchError(%v) = %d, %v", err, v, ok)
	}
	for _, err := range []error{nil, errors.New(
		"incompatible core API version with plugin. Plugin version: 2, Core version: 1")} {
		if _, ok := MismatchError(err); ok {
			t.Errorf("MismatchError(%v): true", err)
		}
	}
}

func TestTheHostsSetIsNotServed(t *testing.T) {
	t.Parallel()
	if err := HostSet()[ProtocolVersion][PluginName].(plugin.GRPCPlugin).GRPCServer(nil, nil); err == nil {
		t.Error("no error")
	}
}
