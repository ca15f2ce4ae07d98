// Package address classifies addresses that the host may connect to for a plugin, and normalises
// host names. Packages fetch and dial use it; each has its own rules for private addresses.
package address

import (
	"fmt"
	"net/netip"
	"strings"

	"code.dny.dev/ssrf"
	"golang.org/x/net/idna"
)

// Kind is the class of an address.
type Kind int

const (
	// Public is the internet.
	Public Kind = iota
	// Private is a private network: connections need the user's permission.
	Private
	// Special is link-local, a cloud's metadata service, multicast or reserved.
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

// special knows all ranges of addresses outside the public internet.
var special = ssrf.New(ssrf.WithAnyPort())

// inner are the ranges of private networks.
var inner = prefixes("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128",
	"fc00::/7")

// metadata are the addresses of clouds' metadata services that are within inner.
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

// Is reports whether a host is the literal address.
func Is(host string, ip netip.Addr) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap() == ip.Unmap()
}

// Host normalises a host name: lower-case ASCII (bücher.de becomes xn--bcher-kva.de) without a dot
// at the end.
func Host(name string) (string, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.String(), nil
	}
	name = strings.TrimSuffix(name, ".")
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil || name == "" {
		// IDNA refuses underscores, which internal host names may have.
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
