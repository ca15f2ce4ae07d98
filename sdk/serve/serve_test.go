// Main, in processes of its own: the test binary starts itself.

//go:build unix

package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// asHost makes the test binary start a plugin and then wait to be killed.
const asHost = "SERVE_TEST_AS_HOST"

func TestMain(m *testing.M) {
	switch {
	case rpc.StartedByHost():
		Main(fake())
	case os.Getenv(asHost) != "":
		startAndHang()
	case os.Getenv(asHoarder) != "":
		hoard()
	default:
		os.Exit(testsWithin(m))
	}
}

// testsWithin runs the tests in a temporary folder of their own: a plugin that is killed leaves its
// socket there.
func testsWithin(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "serve")
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

// fake is a source whose Read says its process id as a cursor.
func fake() sdk.Plugin {
	type settings struct {
		URL      string   `json:"url" doc:"Where the server is." required:"true"`
		Projects []string `json:"projects" doc:"What to read."`
		Flavour  string   `json:"flavour" default:"auto" enum:"auto,cloud"`
	}
	info := sdk.Info{Name: "jira", Version: "1.0.0", Doc: "Reads issues."}
	return sdk.SourcePlugin(info, func(context.Context, settings) (sdk.Source, error) { return pidSource{}, nil })
}

type pidSource struct{}

func (pidSource) Streams(context.Context) ([]sdk.Stream, error)       { return nil, nil }
func (pidSource) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) { return nil, nil }
func (pidSource) Read(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
	return w.Cursor(os.Getpid())
}

type cursorOutput struct{ cursor []byte }

func (*cursorOutput) Batch(sdk.Batch) error   { return nil }
func (o *cursorOutput) Cursor(c []byte) error { o.cursor = c; return nil }
func (*cursorOutput) Split(sdk.Split) error   { return nil }
func (*cursorOutput) Reject(sdk.Reject) error { return nil }

// client starts this binary as a plugin that inherits the files.
func client(inherits ...*os.File) *plugin.Client {
	cmd := exec.Command(os.Args[0])
	cmd.ExtraFiles = inherits
	return plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  rpc.Handshake(),
		VersionedPlugins: rpc.HostSet(),
		Cmd:              cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  rpc.DialOptions(),
		Logger:           hclog.NewNullLogger(),
		SyncStderr:       io.Discard,
	})
}

// pidOf starts the plugin's work and returns its process id.
func pidOf(ctx context.Context, c *plugin.Client) (*rpc.Conn, int, error) {
	protocol, err := c.Client()
	if err != nil {
		return nil, 0, err
	}
	raw, err := protocol.Dispense(rpc.PluginName)
	if err != nil {
		return nil, 0, err
	}
	conn := raw.(*rpc.Conn)
	if _, err := conn.Configure(ctx, json.RawMessage(`{"url":"https://jira.test"}`)); err != nil {
		return nil, 0, err
	}
	out := &cursorOutput{}
	if err := conn.Source().Read(ctx, sdk.Split{ID: "s"}, sdk.NewWriter(out)); err != nil {
		return nil, 0, err
	}
	var pid int
	return conn, pid, json.Unmarshal(out.cursor, &pid)
}

func TestMainIgnoresTheSignalsOfItsGroup(t *testing.T) {
	t.Parallel()
	c := client()
	t.Cleanup(c.Kill)
	conn, pid, err := pidOf(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Source().Streams(t.Context()); err != nil {
			t.Errorf("after %v: %v", sig, err)
		}
	}
}

// startAndHang is the host of TestMainDiesWithItsHost: it says when the plugin is up.
func startAndHang() {
	_, pid, err := pidOf(context.Background(), client(os.NewFile(3, "held")))
	if err != nil {
		panic(err)
	}
	fmt.Println(pid)
	select {}
}

func TestMainDiesWithItsHost(t *testing.T) {
	t.Parallel()
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), asHost+"=1")
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Host and plugin hold the other end of this pipe: it is closed when both are gone.
	alive, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	host.ExtraFiles = []*os.File{held}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	held.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, alive); err != nil { // a plugin that stays makes the test hang, and fail
		t.Fatal(err)
	}
	if err := host.Wait(); err == nil {
		t.Error("the host was to be killed")
	}
}

func TestByHandMainExits(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := byHand(fake(), nil, &out, &errs); code != 2 || out.Len() > 0 {
		t.Errorf("code %d, stdout %q", code, out.String())
	}
	for _, want := range []string{
		"jira 1.0.0 is a source plugin of scrapekit",
		"Reads issues.",
		"    source \"./path/to/this/file\" {\n      # settings\n    }\n",
		"      required_plugins {\n        jira = { source = \"./path/to/this/file\" }\n      }\n",
		"    source \"jira\" {\n      # settings\n    }\n",
		"  url       string          required        Where the server is.\n",
		"  projects  list of string  optional        What to read.\n",
		"  flavour   string          default \"auto\"  One of: auto cloud.\n",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("no %q in\n%s", want, errs.String())
		}
	}
}

func TestDescribePrintsTheInfo(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := byHand(fake(), []string{"--describe"}, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Errorf("code %d, stderr %q", code, errs.String())
	}
	var info sdk.Info
	if err := json.Unmarshal([]byte(out.String()), &info); err != nil {
		t.Fatal(err)
	}
	if info.Name != "jira" || info.Kind != sdk.KindSource || len(info.Config) == 0 {
		t.Errorf("got %+v", info)
	}
}
