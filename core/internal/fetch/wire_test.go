package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// TestTLSSettings: whom to trust, and how new the protocol must be.
func TestTLSSettings(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = quiet()
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} //nolint:gosec // what the client makes of it is tested
	s.StartTLS()
	defer s.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for name, want := range map[string]struct {
		tls TLS
		err string
	}{
		"unknown":  {TLS{}, "is not trusted"},
		"ca_file":  {TLS{CA: ca}, ""},
		"insecure": {TLS{Insecure: true}, ""},
		"too old":  {TLS{CA: ca, Min: tls.VersionTLS13}, "protocol version"},
	} {
		c := New(Options{})
		defer c.Close()
		rt := transport(t, c, Policy{Allow: []Origin{mustOrigin(t, s.URL)}, TLS: want.tls, Attempts: 1})
		_, _, err := ask(t.Context(), rt, "GET", s.URL, "")
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: %v, want %q", name, err, want.err)
		}
	}
	if _, err := New(Options{}).For(Policy{TLS: TLS{CA: "none"}}); !sdk.IsPermanent(err) {
		t.Errorf("no certificate: %v", err)
	}
}

// TestClientCertificate: it is shown where it belongs, and to no other host.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	shown := map[string]int{}
	start := func(name string) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown[name] = len(r.TLS.PeerCertificates) }))
		s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	mine, other := start("mine"), start("other")
	pair := mine.TLS.Certificates[0] // the server's own will do
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{Allow: []Origin{mustOrigin(t, mine.URL), mustOrigin(t, other.URL)}, TLS: TLS{
		Insecure: true,
		Cert:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		Key:      string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	}}
	p.Certified = p.Allow[:1]
	c := New(Options{})
	defer c.Close()
	rt := transport(t, c, p)
	for _, s := range []*httptest.Server{mine, other} {
		if _, _, err := ask(t.Context(), rt, "GET", s.URL, ""); err != nil {
			t.Fatal(err)
		}
	}
	if shown["mine"] != 1 || shown["other"] != 0 {
		t.Errorf("certificates shown: %v", shown)
	}
}
