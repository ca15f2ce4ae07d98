// Package dial opens connections for plugins, which have no network of their own: TCP, and to Unix
// sockets. It connects
// only to addresses that the user has granted. sdk/rpc transports the bytes.
//
// It checks the grant before it resolves a name, and checks the resolved address immediately before
// it dials, so that the address cannot change in between. Granting a name or an address allows it
// anywhere in private networks, because databases are rarely on the internet. A wildcard does not,
// because the plugin chooses the name. Addresses to which a granted name has resolved may then be
// used directly by that plugin. Link-local addresses and those of cloud metadata services must be
// granted as addresses.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/address"
	"github.com/scrapekit/scrapekit/sdk"
)

// timeout bounds the time of connecting.
const timeout = 30 * time.Second

// Func opens a connection; see [sdk.Host].
type Func = func(ctx context.Context, network, address string) (net.Conn, error)

// Policy is what one plugin may connect to.
type Policy struct {
	Plugin  string   // "sink redis", for messages and the report
	Pos     string   // place of its block, such as "jira.hcl:12"
	Granted []string // addresses; see [sdk.Permissions]
	// Asked are the addresses that the plugin asks for. Granting others has no effect.
	Asked []string
}

// Options are what all plugins of a run share. The zero value works.
type Options struct {
	Logger hclog.Logger // nil: no log
	// Closed is the reason why no connection is allowed; nil: connections are allowed.
	Closed   error
	Resolver *net.Resolver // nil: the system's resolver
}

// Client opens the connections of all plugins of a run. Its methods may be called by several
// goroutines at the same time.
type Client struct {
	opts  Options
	log   hclog.Logger
	stats addressStats
}

// New returns a client.
func New(o Options) *Client {
	c := &Client{opts: o, log: o.Logger}
	if c.log == nil {
		c.log = hclog.NewNullLogger()
	}
	return c
}

// For returns the function that connects one plugin. If a grant is missing, its error is permanent
// and wraps [sdk.ErrNotGranted].
func (c *Client) For(p Policy) Func {
	log := c.log.Named("dial").With("plugin", p.Plugin)
	var led resolved
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		target, err := parse(network, to)
		if err != nil {
			return nil, sdk.Permanent(err)
		}
		if c.opts.Closed != nil {
			return nil, sdk.Permanent(fmt.Errorf("%s: %w", target, c.opts.Closed))
		}
		asked, ok := led.from(target)
		if !ok || find(p.Granted, target) != none {
			asked = target
		}
		book := c.stats.of(p.Plugin, asked.String())
		conn, err := c.connect(ctx, p, asked, target)
		if err != nil {
			book.failed(err)
			log.Debug("no connection", "address", target.String(), "error", err)
			return nil, err
		}
		led.note(conn.RemoteAddr(), asked)
		log.Debug("connected", "address", target.String(), "remote", conn.RemoteAddr().String())
		return newCounted(conn, book, log.With("address", target.String())), nil
	}
}

// target is the target of a connection. host of a Unix socket is its path.
type target struct {
	network, host string
	port          uint16
}

func (t target) String() string {
	if t.network == "unix" {
		return "unix:" + t.host
	}
	return net.JoinHostPort(t.host, strconv.Itoa(int(t.port)))
}

// address is what package net calls it.
func (t target) address() string {
	if t.network == "unix" {
		return t.host
	}
	return t.String()
}

func parse(network, to string) (target, error) {
	switch network {
	case "unix":
		if !path.IsAbs(to) || to != path.Clean(to) {
			return target{}, fmt.Errorf("the socket %q: want an absolute path", to)
		}
		return target{network: network, host: to}, nil
	case "tcp", "tcp4", "tcp6":
	default:
		return target{}, fmt.Errorf("the network %q: the host opens connections over tcp, tcp4, tcp6 and unix", network)
	}
	host, port, err := net.SplitHostPort(to)
	if err != nil || host == "" {
		return target{}, fmt.Errorf(`the address %q: want host:port, such as "db.example.com:5432"`, to)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return target{}, fmt.Errorf("the address %q: want a port from 1 to 65535, as a number", to)
	}
	if host, err = address.Host(host); err != nil {
		return target{}, fmt.Errorf("the address %q: %w", to, err)
	}
	return target{network, host, uint16(number)}, nil
}

// resolved are the addresses to which granted names have resolved for one plugin. The plugin may
// connect to them directly, as drivers of databases do to cancel a query (PostgreSQL's dials the
// address of its connection).
type resolved struct {
	mu sync.Mutex
	m  map[netip.AddrPort]target
}

// maxResolved bounds the addresses of a plugin, because a wildcard grants any number of names.
const maxResolved = 1000

func (r *resolved) note(at net.Addr, asked target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tcp, ok := at.(*net.TCPAddr)
	if !ok || isNumber(asked.host) || len(r.m) >= maxResolved {
		return
	}
	if r.m == nil {
		r.m = map[netip.AddrPort]target{}
	}
	key := tcp.AddrPort()
	r.m[netip.AddrPortFrom(key.Addr().Unmap(), key.Port())] = asked
}

// from returns the name that resolved to an address.
func (r *resolved) from(to target) (target, bool) {
	ip, err := netip.ParseAddr(to.host)
	if err != nil {
		return target{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	asked, ok := r.m[netip.AddrPortFrom(ip.Unmap(), to.port)]
	return asked, ok
}

// connect connects to the target to, if the grants allow asked. The two differ if asked is the name
// behind an address.
func (c *Client) connect(ctx context.Context, p Policy, asked, to target) (stream, error) {
	granted := find(p.Granted, asked)
	if granted == none {
		return nil, p.refuse(to)
	}
	d := net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, Resolver: c.opts.Resolver}
	d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		if to.network == "unix" {
			return nil // a path is granted as it is
		}
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return err
		}
		return p.checkAddress(asked, at.Addr(), granted)
	}
	conn, err := d.DialContext(ctx, to.network, to.address())
	var no *refusal
	switch {
	case errors.As(err, &no):
		return nil, sdk.Permanent(no) // without the system's error, which looks like a network problem
	case err != nil:
		return nil, err
	}
	return conn.(stream), nil // true for every network that parse accepts
}

// stream is a connection whose ends close one by one: that of TCP, or of a Unix socket.
type stream interface {
	net.Conn
	CloseWrite() error
}

// grant is the kind of a grant.
type grant int

const (
	none grant = iota
	byWildcard
	byName // or by address
)

// find returns the strongest grant for an address.
func find(granted []string, to target) grant {
	best := none
	for _, entry := range granted {
		if to.network == "unix" {
			if entry == to.String() {
				return byName
			}
			continue
		}
		host, port, err := net.SplitHostPort(entry)
		if err != nil || port != "*" && port != strconv.Itoa(int(to.port)) {
			continue
		}
		below, wild := strings.CutPrefix(host, "*")
		name, err := address.Host(strings.TrimPrefix(below, "."))
		switch {
		case wild && (below == "" || err == nil && strings.HasSuffix(to.host, "."+name) && !isNumber(to.host)):
			best = max(best, byWildcard)
		case !wild && err == nil && name == to.host:
			best = byName
		}
	}
	return best
}

func isNumber(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// refusal is the error of a missing grant.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return sdk.ErrNotGranted }

func (p Policy) refuse(to target) error {
	text := fmt.Sprintf("%s is not granted to %s", to, p.Plugin)
	if find(p.Asked, to) == none {
		text += `: the plugin does not ask for it, so a grant has no effect; its author has to, in the Permissions ` +
			`of its sdk.Info or by a setting with the tag dial:"true"`
	} else {
		text += ": " + p.advice(to)
	}
	return sdk.Permanent(&refusal{text})
}

// advice says what to write in which block.
func (p Policy) advice(to target) string {
	return fmt.Sprintf(`if it is meant, write in the block at %s: grant { dial = ["%s"] }`, p.Pos, to)
}

// checkAddress returns why an address must not be connected to although its host name is granted.
func (p Policy) checkAddress(to target, ip netip.Addr, granted grant) error {
	ip = ip.Unmap()
	switch kind := address.KindOf(ip); {
	case kind == address.Public, granted == byName && (kind == address.Private || address.Is(to.host, ip)):
		return nil
	case kind == address.Special && address.Is(to.host, ip):
		return &refusal{fmt.Sprintf("%s is a special address (link-local, metadata service, multicast or reserved), "+
			"which no wildcard grants: %s", to, p.advice(to))}
	case kind == address.Special:
		return &refusal{fmt.Sprintf("%s, which is %s, is a special address (link-local, metadata service, multicast "+
			"or reserved): a name does not grant it", to, ip)}
	case address.Is(to.host, ip):
		return &refusal{fmt.Sprintf("%s is in a private network, which no wildcard grants: %s", to, p.advice(to))}
	}
	return &refusal{fmt.Sprintf("%s leads to the private address %s, and a wildcard grants public ones alone: %s", to,
		ip, p.advice(to))}
}
