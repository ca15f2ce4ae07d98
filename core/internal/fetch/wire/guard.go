// guard checks the address of every connection after name resolution and immediately before
// dialling, so that changing DNS answers are detected. It keeps plugins from internal addresses.

package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/scrapekit/scrapekit/core/internal/address"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
)

// checkAddress returns why a connection to host, which resolves to ip, is not allowed. inside: the
// pipeline file allows private addresses.
func checkAddress(host string, ip netip.Addr, inside bool) error {
	ip = ip.Unmap()
	switch kind := address.KindOf(ip); {
	case kind == address.Public:
		return nil
	case kind == address.Special:
		return &fault.AddressError{Text: fmt.Sprintf(
			"%s is a special address that is never connected to (link-local, metadata service, multicast or reserved)",
			named(host, ip))}
	case inside || address.Is(host, ip) || host == "localhost" && ip.IsLoopback():
		return nil
	}
	return &fault.AddressError{Text: fmt.Sprintf(
		"%s resolves to the private address %s: if you mean that host, write http { allow_private = true } in "+
			"the block", host, ip)}
}

func named(host string, ip netip.Addr) string {
	if address.Is(host, ip) { // the pipeline file names it, because wildcards cover no addresses
		return host
	}
	return fmt.Sprintf("%s, which is %s,", host, ip)
}

// CheckLiteral is checkAddress for a host that is an address. It needs no connection, so it also
// applies if a proxy connects.
func CheckLiteral(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return checkAddress(host, ip, true)
	}
	return nil // a name: checked after resolution
}

// Guard dials for [http.Transport].
type Guard struct {
	Dialer  net.Dialer
	Inside  bool            // the pipeline file allows private addresses
	proxies map[string]bool // host:port of the file's proxies, which may be private
}

// Dial connects to an address if it is allowed.
func (g *Guard) Dial(ctx context.Context, network, to string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	inside := g.Inside || g.proxies[to]
	d := g.Dialer
	d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return err
		}
		return checkAddress(host, at.Addr(), inside)
	}
	c, err := d.DialContext(ctx, network, to)
	var refused *fault.AddressError
	if errors.As(err, &refused) {
		return nil, refused // without the system's error, which looks like a network problem
	}
	return c, err
}
