// A registry for scripts.

package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

// newRegistry starts an empty registry on this machine and returns its host and port. credential, USER:PASSWORD, is the only one
// that it takes; "": anybody may read and write.
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
// It starts a registry and sets $REGISTRY to its host and port.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: registry [USER:PASSWORD]")
	}
	host, stop := newRegistry(strings.Join(args, ""))
	ts.Defer(stop)
	ts.Setenv("REGISTRY", host)
}
