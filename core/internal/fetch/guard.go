// guard looks at the address of every connection, after the name was resolved and right before it is dialled: so a name that
// leads elsewhere from one moment to the next is found out. It keeps plugins from what is inside of a network and is
// meant for nobody outside.

package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// special knows every range of addresses that is not for the open internet.
var special = ssrf.New(ssrf.WithAnyPort())

// inner are the ranges of networks of one's own: they may be asked if the pipeline file says so. Every other special
// address never is.
var inner = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")

// metadata are the addresses within them at which clouds tell a machine its credentials.
var metadata = prefixes("100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128")

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func inAny(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// addressError says why an address is not connected to.
type addressError struct{ text string }

func (e *addressError) Error() string { return e.text }

// checkAddress says why a connection to host, which leads to ip, may not be made. inside: the pipeline file allows its
// own network.
func checkAddress(host string, ip netip.Addr, inside bool) error {
	ip = ip.Unmap()
	switch {
	case !inAny(ip, metadata) && special.SafeAddr(ip) == nil:
		return nil
	case inAny(ip, metadata) || !inAny(ip.WithZone(""), inner):
		return &addressError{fmt.Sprintf("%s is a special address that is never connected to (link-local, metadata service, multicast or reserved)", named(host, ip))}
	case inside || literal(host, ip) || host == "localhost" && ip.IsLoopback():
		return nil
	}
	return &addressError{fmt.Sprintf("%s resolves to the private address %s: write http { allow_private = true } in the block if that host is meant", host, ip)}
}

func named(host string, ip netip.Addr) string {
	if literal(host, ip) {
		return host
	}
	return fmt.Sprintf("%s, which is %s,", host, ip)
}

// literal reports whether a host is the address itself: then the pipeline file names it, for no wildcard covers one.
func literal(host string, ip netip.Addr) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == ip
}

// checkLiteral is checkAddress for a host that is an address itself. It needs no connection, so it holds where a proxy
// makes it.
func checkLiteral(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return checkAddress(host, ip, true)
	}
	return nil // a name: looked at when it is resolved
}

// guard dials.
type guard struct {
	dialer  net.Dialer
	inside  bool            // the pipeline file allows its own network
	proxies map[string]bool // host:port of those of the pipeline file, which may be inside
}

func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	inside := g.inside || g.proxies[address]
	d := g.dialer
	d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return err
		}
		return checkAddress(host, to.Addr(), inside)
	}
	c, err := d.DialContext(ctx, network, address)
	var refused *addressError
	if errors.As(err, &refused) {
		return nil, refused // without the words of the system, which look like a fault of the network
	}
	return c, err
}
