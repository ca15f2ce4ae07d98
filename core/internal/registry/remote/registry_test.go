package remote_test

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	for referrers, title := range map[bool]string{true: "referrers API", false: "referrers tag"} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers)))
			t.Cleanup(server.Close)
			source := strings.TrimPrefix(server.URL, "http://") + "/acme/scrapekit-hello"
			testPushed(t, open(t, source, remote.Options{}), source)
		})
	}
}
