package address_test

import (
	"net/netip"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/address"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for kind, all := range map[address.Kind][]string{
		address.Public: {"93.184.216.34", "2606:4700::1111"},
		address.Private: {"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "::1",
			"fd12::1", "::ffff:10.0.0.1"},
		address.Special: {
			"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "100.100.100.200", "fd00:ec2::254",
			"fd20:ce::254", "0.0.0.0", "::", "192.0.0.192",
			"198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
			"2001::1", "fec0::1", "ff02::1",
		},
	} {
		for _, text := range all {
			if got := address.KindOf(netip.MustParseAddr(text)); got != kind {
				t.Errorf("%s is of kind %d, want %d", text, got, kind)
			}
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"DB.Example.com.": "db.example.com", "bücher.de": "xn--bcher-kva.de", "my_db": "my_db", "0:0::1": "::1",
		"a b": "", "": "", "../x": "",
	} {
		got, err := address.Host(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
}
