// guard looks at the address of every connection, after the name was resolved and right before it
// is dialled: so a name that leads elsewhere from one moment to the next is found out. It keeps
// plugins from what is inside of a network and is meant for nobody outside.

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

// checkAddress says why a connection to host, which leads to ip, may not be made. inside: the
// pipeline file allows its own network.
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
	if address.Is(host, ip) { // then the pipeline file names it, for no wildcard covers one
		return host
	}
	return fmt.Sprintf("%s, which is %s,", host, ip)
}

// CheckLiteral is checkAddress for a host that is an address itself. It needs no connection, so it
// holds where a proxy makes it.
func CheckLiteral(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return checkAddress(host, ip, true)
	}
	return nil // a name: looked at when it is resolved
}

// Guard dials, as [http.Transport] asks it to.
type Guard struct {
	Dialer  net.Dialer
	Inside  bool            // the pipeline file allows its own network
	proxies map[string]bool // host:port of those of the pipeline file, which may be inside
}

// Dial connects to an address that is not among those that plugins are kept from.
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
		return nil, refused // without the words of the system, which look like a fault of the network
	}
	return c, err
}
