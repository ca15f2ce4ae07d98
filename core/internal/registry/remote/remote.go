// Package remote gets published plugins from where they are, and puts them there: OCI registries,
// folders in the layout of OCI, files behind HTTPS and those of GitHub releases. It stands between
// what a plugin consists of (package artifact) and whoever installs one.
//
// Nothing that comes out of it is to be believed: it holds sizes and digests to what was promised,
// and artifact.Release.Verify says whether the promise was the publisher's.
package remote

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// SourceError names the source that an error came of.
type SourceError struct {
	Source string
	Err    error
}

func (e *SourceError) Error() string { return e.Source + ": " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// Remote is where one plugin is published. Its methods may run at the same time.
type Remote interface {
	// Versions lists what is published, the newest first, prereleases among them. What is no
	// semantic version is left out.
	Versions(ctx context.Context) ([]artifact.Version, error)

	// Release gets what is said of a version: the index, and the statements with their signatures.
	// With a pinned digest it gets that index and no other, whatever the version's tag says now;
	// the version is then what the release must be. Without one, "", it gets what the version's tag
	// stands for. An error that is ErrNotFound says that there is no such release.
	Release(ctx context.Context, v artifact.Version, pinned digest.Digest) (*artifact.Release, error)

	// Archive gets the archive for a platform of a release that came from this remote. d is that of
	// a verified statement: the reader gives io.EOF only after exactly these bytes. It is to be
	// closed.
	Archive(ctx context.Context, r *artifact.Release, d artifact.Target) (io.ReadCloser, error)
}

// Pusher is a remote that can also be published to.
type Pusher interface {
	Remote

	// Push publishes a release: archives first, its version last, so that whoever sees the version
	// can have all of it. archive opens an archive of the release and may be called once for each.
	// Publishing the same again adds what is missing, such as a signature; a version that is
	// another release already is ErrExists, and nothing is changed.
	Push(ctx context.Context, r *artifact.Release, archive Archives) error
}

// Archives opens the archive of a platform of a release, to be published elsewhere.
type Archives func(ctx context.Context, p artifact.Platform, t artifact.Target) (io.ReadCloser, error)

// Sentinels of Release, Versions and Push.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("this version is published already, and is another release")
)

// Options say how remotes are reached. The zero value is what a user has.
type Options struct {
	// Dir is where relative folders of layouts start; "": the working folder.
	Dir string
	// Client makes the requests. nil: one with timeouts, that keeps to HTTPS.
	Client *http.Client
	// DockerConfig is the file with the credentials of registries. "": that of Docker, where
	// DOCKER_CONFIG or the home folder has it.
	DockerConfig string
	// GitHubToken is for private repositories, and for more than a few requests an hour. "": none.
	GitHubToken string
	// GitHubURL and GitHubAPI stand in for those of github.com. "": the real ones.
	GitHubURL, GitHubAPI string
}

// CopyFrom returns the archives of a release of another remote, for Push: that is how a mirror is
// made.
func CopyFrom(from Remote, r *artifact.Release) Archives {
	return func(ctx context.Context, _ artifact.Platform, t artifact.Target) (io.ReadCloser, error) {
		return from.Archive(ctx, r, t)
	}
}
