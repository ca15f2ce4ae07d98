// Releases that are files, for scripts: a site behind HTTPS, and GitHub as far as installations ask
// it.

package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const assetsHost = "release-assets.githubusercontent.com"

// startTLS starts a server with a certificate for this machine and for GitHub, which the commands
// of the script trust by SSL_CERT_FILE.
func startTLS(ts *testscript.TestScript, handler http.Handler) *httptest.Server {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"github.com", "api.github.com", assetsHost},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	server.StartTLS()
	ts.Defer(server.Close)
	ca := ts.MkAbs("ca.pem")
	ts.Check(os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	ts.Setenv("SSL_CERT_FILE", ca)
	return server
}

// startSite is
//
//	site DIR
//
// It serves a folder over HTTPS and sets $SITE to its host and port.
func startSite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: site DIR")
	}
	server := startTLS(ts, http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Setenv("SITE", strings.TrimPrefix(server.URL, "https://"))
}

// startGitHub is
//
//	github OWNER/REPOSITORY DIR [TOKEN]
//
// It starts a GitHub whose repository has a release for each folder in DIR, named by its tag; with
// a token it is a private one. The script's commands come to it by $HTTPS_PROXY.
func startGitHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: github OWNER/REPOSITORY DIR [TOKEN]")
	}
	g := &scriptGitHub{repository: args[0], dir: ts.MkAbs(args[1]), token: strings.Join(args[2:], "")}
	server := startTLS(ts, g)
	proxy := httptest.NewServer(connectTo(strings.TrimPrefix(server.URL, "https://")))
	ts.Defer(proxy.Close)
	ts.Setenv("HTTPS_PROXY", proxy.URL)
}

// connectTo is a proxy that brings everybody to the same place, whatever host they ask for.
func connectTo(addr string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		there, err := net.Dial("tcp", addr)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(there, bufio.NewReader(buffered)) // it ends with either connection
			there.Close()
		}()
		_, _ = io.Copy(here, there)
	})
}

// scriptGitHub answers as GitHub does: pages without a token, its API, and the host that has the
// files.
type scriptGitHub struct{ repository, dir, token string }

func (g *scriptGitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowed := g.token == "" || r.Header.Get("Authorization") == "Bearer "+g.token
	path := r.URL.Path
	switch {
	case r.Host == assetsHost && r.Header.Get("Authorization") != "":
		http.Error(w, "a token for another host", http.StatusBadRequest)
	case r.Host == assetsHost:
		http.ServeFile(w, r, filepath.Join(g.dir, filepath.FromSlash(path)))
	case !allowed: // as if it were not there
		http.NotFound(w, r)
	case r.Host == "github.com":
		file, ok := strings.CutPrefix(path, "/"+g.repository+"/releases/download")
		if !ok || g.token != "" {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, "https://"+assetsHost+file, http.StatusFound)
	case r.Host == "api.github.com" && strings.HasPrefix(path, "/repos/"+g.repository+"/releases"):
		g.api(w, r, strings.TrimPrefix(path, "/repos/"+g.repository+"/releases"))
	default:
		http.NotFound(w, r)
	}
}

func (g *scriptGitHub) api(w http.ResponseWriter, r *http.Request, path string) {
	files, err := filepath.Glob(filepath.Join(g.dir, "*", "*"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	type asset struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	type release struct {
		Tag    string  `json:"tag_name"`
		Assets []asset `json:"assets"`
	}
	var all []release
	for i, file := range files {
		if path == fmt.Sprintf("/assets/%d", i) && r.Header.Get("Accept") == "application/octet-stream" {
			http.Redirect(w, r, "https://"+assetsHost+"/"+filepath.ToSlash(file[len(g.dir)+1:]), http.StatusFound)
			return
		}
		tag := filepath.Base(filepath.Dir(file))
		if len(all) == 0 || all[len(all)-1].Tag != tag {
			all = append(all, release{Tag: tag})
		}
		last := &all[len(all)-1]
		last.Assets = append(last.Assets, asset{i, filepath.Base(file)})
	}
	var reply any = all
	if tag, ok := strings.CutPrefix(path, "/tags/"); ok {
		i := slices.IndexFunc(all, func(r release) bool { return r.Tag == tag })
		if i < 0 {
			http.NotFound(w, r)
			return
		}
		reply = all[i]
	}
	_ = json.NewEncoder(w).Encode(reply) // the client may have gone
}
