package wire

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ closed, open string }{ // by allow_private
		"93.184.216.34": {"", ""}, "2606:4700::1111": {"", ""},
		"127.0.0.1": {"private", ""}, "127.9.9.9": {"private", ""}, "10.1.2.3": {"private", ""},
		"172.31.0.1":  {"private", ""},
		"192.168.1.1": {"private", ""}, "100.64.0.1": {"private", ""}, "::1": {"private", ""},
		"fd12::1":         {"private", ""},
		"::ffff:10.0.0.1": {"private", ""},
		"169.254.169.254": {"never", "never"}, "::ffff:169.254.169.254": {"never", "never"},
		"fe80::1":         {"never", "never"},
		"100.100.100.200": {"never", "never"}, "fd00:ec2::254": {"never", "never"}, "fd20:ce::254": {"never", "never"},
		"0.0.0.0": {"never", "never"}, "::": {"never", "never"}, "192.0.0.192": {"never", "never"},
		"198.18.0.1": {"never", "never"},
		"224.0.0.1":  {"never", "never"}, "240.0.0.1": {"never", "never"}, "255.255.255.255": {"never", "never"},
		"::127.0.0.1": {"never", "never"}, "64:ff9b::a00:1": {"never", "never"}, "64:ff9b:1::a00:1": {"never", "never"},
		"2002:7f00:1::": {"never", "never"}, "2001::1": {"never", "never"}, "fec0::1": {"never", "never"},
		"ff02::1": {"never", "never"},
	} {
		ip := netip.MustParseAddr(text)
		for inside, want := range map[bool]string{false: want.closed, true: want.open} {
			err := checkAddress("name.example", ip, inside)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, allow_private %v: %v, want %q", text, inside, err, want)
			}
		}
	}
}
