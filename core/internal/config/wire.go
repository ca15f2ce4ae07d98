// Connections of an http block: proxy and certificates.

package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// proxy reads the proxy: none, env or a URL.
func (s *section) proxy() string {
	text := s.text("proxy")
	if text == "" || text == "none" || text == "env" {
		return text
	}
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			s.secrets.addText(password, certain)
		}
	}
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		s.fail(s.body.Attributes["proxy"].Expr.Range(),
			`write "none", "env" for HTTPS_PROXY and the like, or a URL: "http://proxy.example.com:3128"`,
			"%s: proxy is not the URL of a proxy", s.title)
		return ""
	}
	return text
}

// tls reads `tls { … }`.
func (s *section) tls(b *hclsyntax.Block, hosts, allow []origin.Origin) (out httppolicy.TLS,
	certified []origin.Origin) {
	in := s.section(s.title+": tls", b.Body)
	in.unsure = s.unsure
	out = httppolicy.TLS{CA: in.content("ca_file"), Cert: in.content("cert_file"), Key: in.content("key_file")}
	in.checkCertificates(out, b.DefRange())
	if out.Cert != "" {
		certified = in.authOrigins("the certificate", b.DefRange(), hosts, allow)
	}
	switch v := in.text("min_version"); v {
	case "", "1.2":
	case "1.3":
		out.Min = tls.VersionTLS13
	default:
		in.fail(in.body.Attributes["min_version"].Expr.Range(), `write "1.2" or "1.3"`, "%s: min_version cannot be %q",
			in.title, v)
	}
	if out.Insecure = in.flag("insecure_skip_verify"); out.Insecure {
		in.warn(in.body.Attributes["insecure_skip_verify"].Range(),
			"name the certificate to be trusted with ca_file instead",
			"%s: anybody on the network path can read and change requests and replies", in.title)
	}
	in.end()
	return out, certified
}

func (s *section) checkCertificates(t httppolicy.TLS, header hcl.Range) {
	if t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)) {
		s.fail(s.body.Attributes["ca_file"].Expr.Range(), "it begins with -----BEGIN CERTIFICATE-----",
			"%s: ca_file holds no certificate in PEM", s.title)
	}
	switch {
	case t.Cert != "" && t.Key != "":
		if _, err := tls.X509KeyPair([]byte(t.Cert), []byte(t.Key)); err != nil {
			s.fail(s.body.Attributes["cert_file"].Expr.Range(), "", "%s: cert_file and key_file: %v", s.title, err)
		}
	case (s.body.Attributes["cert_file"] == nil) != (s.body.Attributes["key_file"] == nil):
		s.fail(header, "", "%s: cert_file and key_file belong together", s.title)
	}
	s.secrets.addText(string(bytes.TrimSpace([]byte(t.Key))), certain)
}

// content returns the text of a file that an attribute names.
func (s *section) content(name string) string {
	path := s.text(name)
	if path == "" {
		return ""
	}
	raw, err := read(s.resolve(path))
	if err != nil {
		s.fail(s.body.Attributes[name].Expr.Range(), "a relative path starts at the folder of the pipeline file",
			"%s: %s: %v", s.title, name, err)
	}
	return string(raw)
}
