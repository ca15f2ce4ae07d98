package remote_test

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	for referrers, title := range map[bool]string{true: "referrers API", false: "referrers tag"} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)),
				registry.WithReferrersSupport(referrers)))
			t.Cleanup(server.Close)
			source := strings.TrimPrefix(server.URL, "http://") + "/acme/scrapekit-hello"
			testPushed(t, open(t, source, remote.Options{}), source)
			testForeign(t, source)
		})
	}
}

// testForeign reads with a client that has not pushed, and so does not know how this registry keeps
// referrers.
func testForeign(t *testing.T, source string) {
	t.Helper()
	p := publish(t, source, "3.0.0")
	if err := open(t, source, remote.Options{}).Push(t.Context(), p.release, p.open); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, source, remote.Options{}).Release(t.Context(), version(t, "3.0.0"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.Verify(source, func(k artifact.Key) bool { return k == p.key }); err != nil {
		t.Error(err)
	}
}
