// The connections of a plugin end with it, however it ends, and leave nothing behind in the host.

//go:build unix

package pluginhost

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestConnectionsEndWithThePlugin(t *testing.T) {
	const conns = 10
	for name, end := range map[string]func(h *Host, p *Plugin) error{
		"it is stopped": func(_ *Host, p *Plugin) error { return p.Stop(t.Context()) },
		"it is killed":  func(_ *Host, p *Plugin) error { p.Kill(); return nil },
		"it dies": func(_ *Host, p *Plugin) error {
			if err := syscall.Kill(p.Pid(), syscall.SIGKILL); err != nil {
				return err
			}
			<-p.Exited()
			return p.Stop(t.Context())
		},
		"the host is closed": func(h *Host, _ *Plugin) error { return h.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			h := newHost(t)
			files, goroutines := counts(t)
			s := spec(fmt.Sprintf(`{"do":"connect","size":%d,"dial":%q}`, conns, l.Addr()), "source")
			s.Services = sdk.Host{Dial: new(net.Dialer).DialContext}
			p := start(t, h, s)
			there := make(chan struct{})
			read := make(chan error, 1)
			go func() {
				out := &collected{first: func() { close(there) }}
				read <- p.Source().Read(t.Context(), sdk.Split{ID: "all"}, sdk.NewWriter(out))
			}()
			var far []net.Conn
			for range conns {
				c, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				far = append(far, c)
			}
			<-there
			if err := end(h, p); err != nil {
				t.Error(err)
			}
			<-read
			for _, c := range far {
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("the far end: %v", err)
				}
				c.Close()
			}
			settles(t, func() string {
				f, g := counts(t)
				if f > files || g > goroutines {
					return fmt.Sprintf("%d files and %d goroutines before, %d and %d after", files, goroutines, f, g)
				}
				return ""
			})
		})
	}
}
