// Origin: scheme, host and port, in the one spelling in which they are compared.

package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/address"
)

// Origin is where a request goes to: "https://issues.apache.org", "https://jira.corp:8443". In a list of allowed
// origins, the host may be "*.example.com": every host below example.com, not example.com itself.
type Origin struct{ Scheme, Host, Port string }

// ParseOrigin reads an origin from a URL; a path and what follows are not looked at. The host becomes lower case
// ASCII (bücher.de is xn--bcher-kva.de) without a dot at the end, the port the scheme's own if there is none.
func ParseOrigin(raw string) (Origin, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Origin{}, fmt.Errorf("origin %q: not a URL", raw)
	}
	o, err := originOf(u, true)
	if err != nil {
		return Origin{}, fmt.Errorf("origin %q: %w", raw, err)
	}
	return o, nil
}

// originOf returns the origin of u. A wildcard is refused unless it is asked for.
func originOf(u *url.URL, wildcard bool) (Origin, error) {
	o := Origin{Scheme: strings.ToLower(u.Scheme), Port: u.Port()}
	if o.Port == "" {
		o.Port = defaultPort(o.Scheme)
	}
	switch {
	case o.Scheme != "http" && o.Scheme != "https":
		return Origin{}, errors.New("want http:// or https:// and a host")
	case u.User != nil:
		return Origin{}, errors.New("a user name or password in a URL is refused; set http.auth instead")
	case u.Opaque != "" || u.Hostname() == "":
		return Origin{}, errors.New("the host is missing")
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

// Covers reports whether a request to target, which has no wildcard, is one to o.
func (o Origin) Covers(target Origin) bool {
	if o.Scheme != target.Scheme || o.Port != target.Port {
		return false
	}
	if below, ok := strings.CutPrefix(o.Host, "*"); ok {
		if _, err := netip.ParseAddr(target.Host); err == nil {
			return false // "*.0.0.1" covers no address
		}
		return len(target.Host) > len(below) && strings.HasSuffix(target.Host, below)
	}
	return o.Host == target.Host
}

// String returns the origin as it stands in a pipeline file.
func (o Origin) String() string { return o.Scheme + "://" + o.address() }

// address is host and, where it is not the scheme's own, port.
func (o Origin) address() string {
	if o.Port != defaultPort(o.Scheme) {
		return net.JoinHostPort(o.Host, o.Port)
	}
	if strings.Contains(o.Host, ":") {
		return "[" + o.Host + "]"
	}
	return o.Host
}

func coveredBy(origins []Origin, target Origin) bool {
	for _, o := range origins {
		if o.Covers(target) {
			return true
		}
	}
	return false
}
