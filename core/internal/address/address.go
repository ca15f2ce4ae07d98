// Package address knows which addresses the host may connect to for a plugin, and the one spelling
// of a host's name. fetch and dial ask it, each with rules of its own for what is private.
package address

import (
	"fmt"
	"net/netip"
	"strings"

	"code.dny.dev/ssrf"
	"golang.org/x/net/idna"
)

// Kind says where an address leads.
type Kind int

const (
	// Public is the open internet.
	Public Kind = iota
	// Private is a network of one's own: it may be connected to if the user says so.
	Private
	// Special is link-local, the metadata service of a cloud, multicast or reserved.
	Special
)

// KindOf returns the kind of an address.
func KindOf(ip netip.Addr) Kind {
	ip = ip.Unmap()
	switch {
	case in(ip, metadata):
		return Special
	case special.SafeAddr(ip) == nil:
		return Public
	case in(ip.WithZone(""), inner):
		return Private
	}
	return Special
}

// special knows every range of addresses that is not for the open internet.
var special = ssrf.New(ssrf.WithAnyPort())

// inner are the ranges of networks of one's own.
var inner = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128",
	"fc00::/7")

// metadata are the addresses at which clouds tell a machine its credentials, as far as they are
// within inner.
var metadata = prefixes("100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128")

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func in(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// Is reports whether a host is the address itself, and not a name of it.
func Is(host string, ip netip.Addr) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == ip.Unmap()
}

// Host brings a host into its one spelling: lower case ASCII (bücher.de is xn--bcher-kva.de)
// without a dot at the end.
func Host(name string) (string, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.String(), nil
	}
	name = strings.TrimSuffix(name, ".")
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil || name == "" {
		// IDNA refuses an underscore, which names inside a company do have.
		if strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) || name == "" {
			return "", fmt.Errorf("%q is not the name of a host", name)
		}
		ascii = strings.ToLower(name)
	}
	return ascii, nil
}

func plain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}
