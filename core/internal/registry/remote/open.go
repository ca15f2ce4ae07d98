// Open: from what is written to where it is.

package remote

import (
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// Open returns the remote of a source. It asks nobody yet.
func Open(s artifact.Source, o Options) (Remote, error) {
	switch s.Kind {
	case artifact.Registry:
		return openRegistry(s, o)
	case artifact.Layout:
		return openLayout(s, o), nil
	case artifact.HTTPS:
		return openHTTPS(s, o), nil
	case artifact.GitHub:
		return openGitHub(s, o), nil
	}
	return nil, fmt.Errorf("source %q is not of a known kind", s.Text)
}
