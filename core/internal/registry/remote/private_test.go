// Registries that want to know who asks.

package remote_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

// dockerConfig is what `docker login` leaves behind.
func dockerConfig(t *testing.T, host, user, password string) string {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	raw, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"auth": auth}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testPrivate checks that only the right credential gets through.
func testPrivate(t *testing.T, host string) {
	t.Helper()
	source := host + "/acme/scrapekit-hello"
	testPushed(t, open(t, source, remote.Options{DockerConfig: dockerConfig(t, host, "acme", "secret")}), source)
	for title, config := range map[string]string{
		"another password": dockerConfig(t, host, "acme", "guess"),
		"another host's":   dockerConfig(t, "registry.example.com", "acme", "secret"),
		"no file":          filepath.Join(t.TempDir(), "config.json"),
	} {
		_, err := openRemote(t, source, remote.Options{DockerConfig: config}).Versions(t.Context())
		if err == nil || !strings.Contains(err.Error(), "docker login "+host) ||
			strings.Contains(err.Error(), "guess") {
			t.Errorf("%s: %v", title, err)
		}
	}
}

func isAcme(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == "acme" && password == "secret"
}

func TestBasicAuth(t *testing.T) {
	t.Parallel()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isAcme(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	testPrivate(t, strings.TrimPrefix(server.URL, "http://"))
}

// TestTokenAuth is what most registries have: the password goes to a server of tokens, and a token
// to the registry.
func TestTokenAuth(t *testing.T) {
	t.Parallel()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token" && isAcme(r):
			fmt.Fprintf(w, `{"token": "for %s"}`, r.URL.Query().Get("service"))
		case r.URL.Path == "/token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Authorization") == "Bearer for registry":
			inner.ServeHTTP(w, r)
		default:
			w.Header().Set("WWW-Authenticate",
				`Bearer realm="`+server.URL+
					`/token",service="registry",scope="repository:acme/scrapekit-hello:pull,push"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	server.Start()
	t.Cleanup(server.Close)
	testPrivate(t, strings.TrimPrefix(server.URL, "http://"))
}
