// A registry for scripts.

package main

import (
	"bufio"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

// newRegistry starts an empty registry on this machine and returns its host and port. credential,
// USER:PASSWORD, is the only one that it takes; "": anybody may read and write.
func newRegistry(credential string) (host string, stop func()) {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if credential != "" && user+":"+password != credential {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}`, http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	return strings.TrimPrefix(server.URL, "http://"), server.Close
}

// startRegistry is
//
//	registry [USER:PASSWORD]
//
// It starts a registry and sets $REGISTRY to its host and port. Without a credential it is the
// program that SCRAPEKIT_REGISTRY names, if it does: that of the distribution project, from
// tools/registry.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: registry [USER:PASSWORD]")
	}
	if program := os.Getenv("SCRAPEKIT_REGISTRY"); program != "" && len(args) == 0 {
		ts.Setenv("REGISTRY", startDistribution(ts, program))
		return
	}
	host, stop := newRegistry(strings.Join(args, ""))
	ts.Defer(stop)
	ts.Setenv("REGISTRY", host)
}

// startDistribution returns the host and port of a registry that is a program of its own. It ends
// with its standard input.
func startDistribution(ts *testscript.TestScript, program string) string {
	cmd := exec.Command(program)
	cmd.Stderr = io.Discard
	in, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		in.Close()
		ts.Check(cmd.Wait())
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	return strings.TrimSpace(line)
}
