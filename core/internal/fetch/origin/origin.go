// Package origin has the normalised scheme, host and port of a URL.
package origin

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/address"
)

// Origin is the target of a request: "https://issues.apache.org", "https://jira.corp:8443". In a
// list of allowed origins, the host may be "*.example.com": every host below example.com, but not
// example.com itself.
type Origin struct{ Scheme, Host, Port string }

// Parse parses the origin of a URL and ignores its path. It normalises the host to lower-case ASCII
// (bücher.de becomes xn--bcher-kva.de) without a dot at the end, and fills in the default port. Its
// errors do not quote raw, which may contain a password.
func Parse(raw string) (Origin, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Origin{}, errors.New("not a URL")
	}
	return of(u, true)
}

// Of returns the origin of u, without wildcards.
func Of(u *url.URL) (Origin, error) { return of(u, false) }

func of(u *url.URL, wildcard bool) (Origin, error) {
	o := Origin{Scheme: strings.ToLower(u.Scheme), Port: u.Port()}
	if o.Port == "" {
		o.Port = defaultPort(o.Scheme)
	}
	switch {
	case o.Scheme != "http" && o.Scheme != "https":
		return Origin{}, errors.New("a URL begins with https:// or http://")
	case u.User != nil:
		return Origin{}, errors.New("a user name or password in a URL is refused; set http.auth instead")
	case u.Opaque != "" || u.Hostname() == "":
		return Origin{}, errors.New("the URL names no host")
	}
	name, wild := u.Hostname(), ""
	if rest, ok := strings.CutPrefix(name, "*."); ok && wildcard {
		name, wild = rest, "*."
	}
	host, err := address.Host(name)
	if err != nil {
		return Origin{}, err
	}
	o.Host = wild + host
	return o, nil
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

// Covers reports whether o includes target, which has no wildcard.
func (o Origin) Covers(target Origin) bool {
	if o.Scheme != target.Scheme || o.Port != target.Port {
		return false
	}
	if below, ok := strings.CutPrefix(o.Host, "*"); ok {
		if _, err := netip.ParseAddr(target.Host); err == nil {
			return false // "*.0.0.1" includes no address
		}
		return len(target.Host) > len(below) && strings.HasSuffix(target.Host, below)
	}
	return o.Host == target.Host
}

// String formats the origin as in a pipeline file.
func (o Origin) String() string { return o.Scheme + "://" + o.Address() }

// Address returns the host, with the port if it is not the default.
func (o Origin) Address() string {
	if o.Port != defaultPort(o.Scheme) {
		return net.JoinHostPort(o.Host, o.Port)
	}
	if strings.Contains(o.Host, ":") {
		return "[" + o.Host + "]"
	}
	return o.Host
}

// Covered reports whether one of origins includes target.
func Covered(origins []Origin, target Origin) bool {
	return slices.ContainsFunc(origins, func(o Origin) bool { return o.Covers(target) })
}

// PlainText reports whether requests to the origin are unencrypted and leave the machine.
func (o Origin) PlainText() bool {
	ip := net.ParseIP(o.Host)
	return o.Scheme == "http" && o.Host != "localhost" && (ip == nil || !ip.IsLoopback())
}
