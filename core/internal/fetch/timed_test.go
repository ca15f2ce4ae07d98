package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestTimeLimits(t *testing.T) {
	slow := func(c netConn, _ *http.Request) bool { // never idle, never done
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
		for {
			time.Sleep(20 * time.Second)
			if _, err := io.WriteString(c, "x"); err != nil {
				return false
			}
		}
	}
	for _, c := range []struct {
		name   string
		script script
		after  time.Duration
		text   string
	}{
		{"headers", stall("HTTP/1.1 200"), time.Minute, "the host sent no reply within 60 s"},
		{"idle body", stall("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), 30 * time.Second,
			"the host sent nothing more within 30 s"},
		{"whole", slow, 10 * time.Minute, "the host was not done within 10 min"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{scripts: []script{c.script}}
				client := s.client(t, Options{})
				start := time.Now()
				_, _, err := ask(t.Context(), transport(t, client, httppolicy.Policy{Attempts: 1}), "GET", page, "")
				within(t, "error", time.Since(start), c.after, c.after+time.Millisecond)
				if err == nil || !strings.Contains(err.Error(), c.text) || sdk.IsPermanent(err) {
					t.Errorf("%v, want %q", err, c.text)
				}
				if st := only(t, client); st.Errors["timeout"] != 1 {
					t.Errorf("counted %v", st.Errors)
				}
				time.Sleep(time.Minute) // the slow host finds out
				client.Close()
			})
		})
	}
}

func TestConnectTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(Options{}, newWire())
		theWire(t, c).DialContext = func(ctx context.Context, _, _ string) (netConn, error) {
			time.Sleep(25 * time.Second) // deaf to ctx, as a resolver may be
			return nil, ctx.Err()
		}
		start := time.Now()
		_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{Attempts: 1}), "GET", page, "")
		within(t, "error", time.Since(start), 10*time.Second, 10*time.Second+time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), "could not be reached within 10 s") {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
	})
}

// TestSlowBodyIsNoTimeout: a body may take long as long as it moves.
func TestSlowBodyIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{scripts: []script{func(c netConn, _ *http.Request) bool {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n")
			for range 15 {
				time.Sleep(25 * time.Second)
				io.WriteString(c, "x")
			}
			return true
		}}}
		c := s.client(t, Options{})
		defer c.Close()
		_, body, err := ask(t.Context(), transport(t, c, httppolicy.Policy{}), "GET", page, "")
		if err != nil || len(body) != 15 || s.requests.Load() != 1 {
			t.Errorf("%q %v", body, err)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	count := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		count++
		io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()
	allow := httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, s.URL)}}

	t.Run("certificate", func(t *testing.T) {
		c := New(Options{})
		defer c.Close()
		_, _, err := ask(t.Context(), transport(t, c, allow), "GET", s.URL, "")
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "the certificate of 127.0.0.1 is not trusted") ||
			!strings.Contains(err.Error(), "ca_file") || only(t, c).Requests != 1 {
			t.Errorf("%v", err)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		wire := newWire()
		wire.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		c := newClient(Options{}, wire)
		defer c.Close()
		if _, body, err := ask(t.Context(), transport(t, c, allow), "GET", s.URL, ""); err != nil ||
			body != "HTTP/2.0" {
			t.Errorf("%q %v", body, err)
		}
	})
	t.Run("too old", func(t *testing.T) {
		old := httptest.NewUnstartedServer(http.NotFoundHandler())
		old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
		old.Config.ErrorLog = quiet()
		old.StartTLS()
		defer old.Close()
		c := New(Options{})
		defer c.Close()
		_, _, err := ask(t.Context(), transport(t, c,
			httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, old.URL)}}), "GET", old.URL, "")
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "does not speak TLS 1.2") ||
			only(t, c).Requests != 1 {
			t.Errorf("%v", err)
		}
	})
	t.Run("certificate of the client", func(t *testing.T) {
		key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		mine := httppolicy.TLS{Insecure: true,
			Key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
			Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))}
		for says, shown := range map[string]httppolicy.TLS{"wants a certificate of the client": {Insecure: true},
			"does not take the client's certificate": mine} {
			strict := httptest.NewUnstartedServer(http.NotFoundHandler())
			strict.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
			strict.Config.ErrorLog = quiet()
			strict.StartTLS()
			defer strict.Close()
			c := New(Options{})
			defer c.Close()
			p := httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, strict.URL)}, TLS: shown,
				Certified: []origin.Origin{mustOrigin(t, strict.URL)}}
			_, _, err := ask(t.Context(), transport(t, c, p), "GET", strict.URL, "")
			if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), says) ||
				!strings.Contains(err.Error(), "see cert_file and key_file") || only(t, c).Requests != 1 {
				t.Errorf("%v, want %q", err, says)
			}
		}
	})
	t.Run("no TLS at all", func(t *testing.T) {
		plain := httptest.NewServer(http.NotFoundHandler())
		defer plain.Close()
		u := strings.Replace(plain.URL, "http:", "https:", 1)
		c := New(Options{})
		defer c.Close()
		_, _, err := ask(t.Context(), transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, u)}}),
			"GET", u, "")
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "should the URL begin with http://?") {
			t.Errorf("%v", err)
		}
	})
}
