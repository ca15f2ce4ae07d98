// OCI registries.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// Bounds of requests to a registry.
const (
	maxPages = 1000 // pages of tags
	maxTags  = 100_000
)

// registryRemote is a repository in a registry.
type registryRemote struct {
	source artifact.Source
	repo   *remote.Repository
}

// openRegistry uses plain HTTP only on loopback.
func openRegistry(s artifact.Source, o Options) (Remote, error) {
	repo, err := remote.NewRepository(s.Host + "/" + s.Path)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", s.Text, err)
	}
	store, err := credentialStore(o.DockerConfig)
	if err != nil {
		return nil, err
	}
	repo.PlainHTTP = artifact.IsLoopback(s.Host)
	repo.MaxMetadataBytes = artifact.MaxMetadata
	repo.TagListMaxPages, repo.ReferrerListMaxPages = maxPages, artifact.MaxSignatures
	repo.SkipReferrersGC = true // a registry may forbid deletion
	client := &auth.Client{Client: o.client(), Credential: credentials.Credential(store), Cache: auth.NewCache()}
	if repo.PlainHTTP {
		// allow tokens from private addresses, where the registry may be
		client.BlockedRealmPrefixes = auth.DefaultBlockedRealmPrefixes()[:0]
	}
	client.SetUserAgent(userAgent)
	repo.Client = client
	return &registryRemote{s, repo}, nil
}

// credentialStore reads Docker's configuration: the logins of `docker login`, with its helpers.
func credentialStore(path string) (credentials.Store, error) {
	options := credentials.StoreOptions{DetectDefaultNativeStore: false}
	if path != "" {
		return credentials.NewStore(path, options)
	}
	store, err := credentials.NewStoreFromDocker(options)
	if err != nil {
		return nil, fmt.Errorf("the credentials for registries: %w", err)
	}
	return store, nil
}

func (r *registryRemote) Versions(ctx context.Context) ([]artifact.Version, error) {
	var out []artifact.Version
	n := 0
	err := r.repo.Tags(ctx, "", func(tags []string) error {
		if n += len(tags); n > maxTags {
			return fmt.Errorf("more than %d tags", maxTags)
		}
		for _, tag := range tags {
			if v, err := artifact.ParseVersion(tag); err == nil {
				out = append(out, v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, r.explain(err)
	}
	return newestFirst(out), nil
}

func (r *registryRemote) Release(ctx context.Context, v artifact.Version, pinned digest.Digest) (*artifact.Release,
	error) {
	reference := v.String()
	if pinned != "" {
		if err := artifact.CheckDigest(pinned); err != nil {
			return nil, err
		}
		reference = pinned.String()
	}
	d, err := r.repo.Resolve(ctx, reference)
	if err != nil {
		return nil, r.explain(err)
	}
	if pinned != "" && d.Digest != pinned {
		return nil, r.explain(fmt.Errorf("asked for %s, it answers with %s", pinned, d.Digest))
	}
	out := &artifact.Release{Name: r.source.Name, Version: v}
	if out.Index, err = fetchIndex(ctx, r.repo, d); err != nil {
		return nil, r.explain(err)
	}
	out.Signed, err = r.signed(ctx, d)
	return out, err
}

// signed returns the statements that refer to an index. An invalid one does not hide others.
func (r *registryRemote) signed(ctx context.Context, index ocispec.Descriptor) ([]artifact.Signed, error) {
	var out []artifact.Signed
	var bad []error
	err := r.repo.Referrers(ctx, index, "", func(all []ocispec.Descriptor) error {
		for _, d := range all {
			if !maybeSignature(d) {
				continue
			}
			s, err := fetchSigned(ctx, r.repo, d, index.Digest)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				bad = append(bad, err)
			default:
				out = append(out, s)
			}
			if len(out)+len(bad) >= artifact.MaxSignatures {
				return errEnough
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, r.explain(err)
	}
	if out == nil && bad != nil {
		return nil, r.explain(errors.Join(bad...))
	}
	return out, nil
}

// maybeSignature reports whether a referrer may be our signature. Some registries report the type
// of its config instead, so the registry cannot filter by type.
func maybeSignature(d ocispec.Descriptor) bool {
	return d.ArtifactType == artifact.TypeSignature || d.ArtifactType == ocispec.MediaTypeEmptyJSON ||
		d.ArtifactType == ""
}

// errEnough ends a listing early.
var errEnough = errors.New("enough")

func (r *registryRemote) Archive(ctx context.Context, _ *artifact.Release, t artifact.Target) (io.ReadCloser, error) {
	body, err := r.repo.Blobs().Fetch(ctx, t.Archived())
	if err != nil {
		return nil, r.explain(err)
	}
	return artifact.Exactly(body, t.Archived()), nil
}

func (r *registryRemote) Push(ctx context.Context, release *artifact.Release, archive Archives) error {
	s, form, err := toPush(release)
	if err != nil {
		return err
	}
	if err := r.checkTag(ctx, s); err != nil {
		return err
	}
	if err := pushArchives(ctx, r.repo, s, form, archive); err != nil {
		return r.explain(err)
	}
	signed, err := signatures(release)
	if err != nil {
		return err
	}
	if err := pushBlobs(ctx, r.repo, append([]artifact.Blob{form.Index}, signed...)...); err != nil {
		return r.explain(err)
	}
	if err := r.repo.Tag(ctx, form.Index.Descriptor, s.Manifest.Version); err != nil {
		return r.explain(err)
	}
	return nil
}

// checkTag refuses to change an existing version.
func (r *registryRemote) checkTag(ctx context.Context, s artifact.Statement) error {
	d, err := r.repo.Resolve(ctx, s.Manifest.Version)
	switch err = r.explain(err); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case d.Digest != s.Index:
		return fmt.Errorf("%s %s: %w: publish a new version", r.source.Text, s.Manifest.Version, ErrExists)
	}
	return nil
}

// explain adds advice to a registry's error.
func (r *registryRemote) explain(err error) error {
	if err == nil {
		return nil
	}
	err = &SourceError{r.source.Text, notFound(err)}
	var answer *errcode.ErrorResponse
	status := 0
	if errors.As(err, &answer) {
		status = answer.StatusCode
	}
	switch {
	case status == http.StatusNotFound && !errors.Is(err, ErrNotFound):
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case status == http.StatusUnauthorized || errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fmt.Errorf("%w; log in with `docker login %s`, or set DOCKER_CONFIG to the folder of the credentials",
			err, r.source.Host)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w; the account that `docker login %s` keeps may not do this", err, r.source.Host)
	}
	return err
}
