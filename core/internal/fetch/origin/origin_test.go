package origin_test

import (
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
)

func TestParse(t *testing.T) {
	for raw, want := range map[string]string{
		"https://issues.apache.org":           "https://issues.apache.org",
		"HTTPS://Issues.Apache.ORG./jira?x=1": "https://issues.apache.org",
		"https://host:8443/":                  "https://host:8443",
		"https://host:443":                    "https://host",
		"http://*.example.com":                "http://*.example.com",
		"http://[::1]:8080":                   "http://[::1]:8080",
		"http://[2001:DB8::0:1]":              "http://[2001:db8::1]",
		"http://bücher.de":                    "http://xn--bcher-kva.de",
		"http://my_host":                      "http://my_host",
		"host.example":                        "",
		"ftp://host.example":                  "",
		"https://":                            "",
		"https://user:pw@host":                "",
		"https://a b":                         "",
		"https://*":                           "",
		"https://a.*.b":                       "",
	} {
		o, err := origin.Parse(raw)
		if (err != nil) != (want == "") || err == nil && o.String() != want {
			t.Errorf("%s: %v %v, want %q", raw, o, err, want)
		}
	}
}
