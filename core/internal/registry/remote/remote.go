// Package remote fetches and publishes plugins: OCI registries, folders in the OCI layout, files at
// HTTPS URLs, and files of GitHub releases. Package artifact defines their content.
//
// What it returns is untrusted: it only verifies promised sizes and digests.
// artifact.Release.Verify verifies the publisher.
package remote

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// SourceError adds the source to an error.
type SourceError struct {
	Source string
	Err    error
}

func (e *SourceError) Error() string { return e.Source + ": " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// Remote is where one plugin is published. Its methods may run at the same time.
type Remote interface {
	// Versions returns the published versions, newest first, including prereleases. It ignores tags
	// that are no semantic versions.
	Versions(ctx context.Context) ([]artifact.Version, error)

	// Release fetches the data of a version: the index, and the statements with their signatures.
	// With a pinned digest, it fetches that index, whatever the version's tag refers to; the
	// release must then have this version. Otherwise ("") it resolves the version's tag. It returns
	// ErrNotFound if there is no such release.
	Release(ctx context.Context, v artifact.Version, pinned digest.Digest) (*artifact.Release, error)

	// Archive fetches the archive for a platform of a release from this remote. d comes from a
	// verified statement: the reader returns io.EOF only if the data matches it. The caller closes
	// the reader.
	Archive(ctx context.Context, r *artifact.Release, d artifact.Target) (io.ReadCloser, error)
}

// Pusher is a remote to which releases can be published.
type Pusher interface {
	Remote

	// Push publishes a release: archives first and the version last, so that a visible version is
	// complete. It calls archive at most once for each archive. Publishing the same release again
	// adds missing parts, such as a signature. It returns ErrExists, and changes nothing, if the
	// version is another release already.
	Push(ctx context.Context, r *artifact.Release, archive Archives) error
}

// Archives opens the archive for a platform of a release.
type Archives func(ctx context.Context, p artifact.Platform, t artifact.Target) (io.ReadCloser, error)

// Errors of Release, Versions and Push.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("this version is published already, and is another release")
)

// Options say how to access remotes. The zero value has a user's defaults.
type Options struct {
	// Dir is the base of relative folders of layouts; "": the working folder.
	Dir string
	// Client makes the requests; nil: a client with timeouts that does not leave HTTPS.
	Client *http.Client
	// DockerConfig is the file with credentials of registries; "": Docker's, from DOCKER_CONFIG or
	// the home folder.
	DockerConfig string
	// GitHubToken is needed for private repositories and for more than a few requests an hour; "":
	// none.
	GitHubToken string
	// GitHubURL and GitHubAPI replace those of github.com; "": the real ones.
	GitHubURL, GitHubAPI string
}

// CopyFrom returns the archives of a release in another remote, for Push into a mirror.
func CopyFrom(from Remote, r *artifact.Release) Archives {
	return func(ctx context.Context, _ artifact.Platform, t artifact.Target) (io.ReadCloser, error) {
		return from.Archive(ctx, r, t)
	}
}
