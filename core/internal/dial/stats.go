// Stats: counts the connections of a run for the report.

package dial

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/sdk"
)

// Stats are the counts for one plugin and one address.
type Stats struct {
	Plugin      string `json:"plugin"`
	Address     string `json:"address"`
	Connections int64  `json:"connections"`       // opened
	Failed      int64  `json:"failed,omitempty"`  // failed to open: refused by the server, timed out
	Refused     int64  `json:"refused,omitempty"` // not attempted: not granted
	Open        int64  `json:"open,omitempty"`    // open now
	BytesOut    int64  `json:"bytes_out"`
	BytesIn     int64  `json:"bytes_in"`
}

// maxAddresses bounds the addresses of a plugin that are counted separately, because it may request
// any number of them.
const maxAddresses = 200

// others is the name for all further addresses.
const others = "others"

// addressStats are the counts of all plugins.
type addressStats struct {
	mu    sync.Mutex
	m     map[[2]string]*addressStat
	sizes map[string]int // number of addresses by plugin
}

// addressStat counts one address of a plugin.
type addressStat struct {
	plugin, address                    string
	connections, broken, refused, open atomic.Int64
	out, in                            atomic.Int64
}

func (b *addressStats) of(plugin, address string) *addressStat {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m, b.sizes = map[[2]string]*addressStat{}, map[string]int{}
	}
	key := [2]string{plugin, address}
	if b.m[key] == nil {
		if b.sizes[plugin] >= maxAddresses {
			key[1] = others
		}
		if b.m[key] == nil {
			b.m[key] = &addressStat{plugin: plugin, address: key[1]}
			b.sizes[plugin]++
		}
	}
	return b.m[key]
}

func (b *addressStat) failed(err error) {
	if errors.Is(err, sdk.ErrNotGranted) {
		b.refused.Add(1)
		return
	}
	b.broken.Add(1)
}

// Stats returns the counts so far, sorted by plugin and address.
func (c *Client) Stats() []Stats {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	var out []Stats
	for _, b := range c.stats.m {
		out = append(out, Stats{
			Plugin: b.plugin, Address: b.address, Connections: b.connections.Load(), Failed: b.broken.Load(),
			Refused: b.refused.Load(),
			Open:    b.open.Load(), BytesOut: b.out.Load(), BytesIn: b.in.Load(),
		})
	}
	slices.SortFunc(out, func(a, b Stats) int {
		return cmp.Or(cmp.Compare(a.Plugin, b.Plugin), cmp.Compare(a.Address, b.Address))
	})
	return out
}

// counted is a connection that counts its bytes.
type counted struct {
	stream
	stat   *addressStat
	log    hclog.Logger
	since  time.Time
	closed sync.Once
	// Bytes of this connection, for the log.
	out, in atomic.Int64
}

func newCounted(conn stream, b *addressStat, log hclog.Logger) *counted {
	b.connections.Add(1)
	b.open.Add(1)
	return &counted{stream: conn, stat: b, log: log, since: time.Now()}
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.stream.Read(p)
	c.in.Add(int64(n))
	c.stat.in.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.stream.Write(p)
	c.out.Add(int64(n))
	c.stat.out.Add(int64(n))
	return n, err
}

// SetLinger is called by sdk/rpc. A Unix socket has none.
func (c *counted) SetLinger(sec int) error {
	if tcp, ok := c.stream.(*net.TCPConn); ok {
		return tcp.SetLinger(sec)
	}
	return nil
}

func (c *counted) Close() error {
	c.closed.Do(func() {
		c.stat.open.Add(-1)
		c.log.Debug("connection closed", "sent", c.out.Load(), "received", c.in.Load(), "after",
			time.Since(c.since).Round(time.Millisecond).String())
	})
	return c.stream.Close()
}
