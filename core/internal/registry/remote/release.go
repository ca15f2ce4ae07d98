// The common part of registries and layouts: reads and writes a release in a store of blobs by
// digest.

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// fetchBlob fetches a blob into memory by its digest.
func fetchBlob(ctx context.Context, from content.Fetcher, d ocispec.Descriptor) ([]byte, error) {
	if err := artifact.CheckBlob(d); err != nil {
		return nil, err
	}
	r, err := from.Fetch(ctx, d)
	if err != nil {
		return nil, notFound(err)
	}
	checked := artifact.Exactly(r, d)
	raw, err := io.ReadAll(checked)
	return raw, errors.Join(err, checked.Close())
}

// fetchIndex fetches and checks the index of a release.
func fetchIndex(ctx context.Context, from content.Fetcher, d ocispec.Descriptor) (artifact.Blob, error) {
	if d.MediaType != ocispec.MediaTypeImageIndex {
		return artifact.Blob{}, fmt.Errorf("not a plugin: it has the type %.100q, and a plugin is an index",
			d.MediaType)
	}
	raw, err := fetchBlob(ctx, from, d)
	if err != nil {
		return artifact.Blob{}, err
	}
	if err := artifact.CheckIndex(raw); err != nil {
		return artifact.Blob{}, err
	}
	return artifact.Blob{Descriptor: ocispec.Descriptor{MediaType: d.MediaType, ArtifactType: artifact.TypePlugin,
		Digest: d.Digest, Size: d.Size}, Content: raw}, nil
}

// fetchSigned fetches a statement and its signature, given the manifest that refers to an index.
func fetchSigned(ctx context.Context, from content.Fetcher, manifest ocispec.Descriptor,
	index digest.Digest) (artifact.Signed, error) {
	raw, err := fetchBlob(ctx, from, manifest)
	if err != nil {
		return artifact.Signed{}, err
	}
	statement, signature, err := artifact.SignatureLayers(raw, index)
	if err != nil {
		return artifact.Signed{}, err
	}
	var s artifact.Signed
	if s.Statement, err = fetchBlob(ctx, from, statement); err != nil || signature == nil {
		return s, err
	}
	s.Signature, err = fetchBlob(ctx, from, *signature)
	return s, err
}

// notFound converts the library's error to ErrNotFound.
func notFound(err error) error {
	if errors.Is(err, errdef.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

// blobs is the store that a release is written to.
type blobs interface {
	Exists(ctx context.Context, d ocispec.Descriptor) (bool, error)
	Push(ctx context.Context, d ocispec.Descriptor, r io.Reader) error
}

// pushArchives writes the archives of a statement and the other blobs of its OCI form, except the
// index.
func pushArchives(ctx context.Context, to blobs, s artifact.Statement, form artifact.Form, archive Archives) error {
	for _, p := range s.Platforms() {
		if err := pushArchive(ctx, to, p, s.Targets[p], archive); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return pushBlobs(ctx, to, append([]artifact.Blob{form.Config}, form.Manifests...)...)
}

func pushArchive(ctx context.Context, to blobs, p artifact.Platform, t artifact.Target, archive Archives) error {
	there, err := to.Exists(ctx, t.Archived())
	if err != nil || there {
		return err
	}
	r, err := archive(ctx, p, t)
	if err != nil {
		return err
	}
	checked := artifact.Exactly(r, t.Archived())
	// Pass only the reader, because net/http would also close it.
	return errors.Join(to.Push(ctx, t.Archived(), io.MultiReader(checked)), checked.Close())
}

// pushBlobs writes missing blobs in order.
func pushBlobs(ctx context.Context, to blobs, all ...artifact.Blob) error {
	for _, b := range all {
		there, err := to.Exists(ctx, b.Descriptor)
		if err == nil && !there {
			err = to.Push(ctx, b.Descriptor, bytes.NewReader(b.Content))
		}
		if err != nil && !errors.Is(err, errdef.ErrAlreadyExists) {
			return err
		}
	}
	return nil
}

// signatures returns the manifests of a release's signatures, each after the blobs that it refers
// to.
func signatures(r *artifact.Release) ([]artifact.Blob, error) {
	empty := artifact.Blob{Descriptor: ocispec.DescriptorEmptyJSON, Content: ocispec.DescriptorEmptyJSON.Data}
	out := []artifact.Blob{empty}
	for _, s := range r.Signed {
		manifest, layers, err := artifact.SignatureForm(r.Index.Descriptor, s)
		if err != nil {
			return nil, err
		}
		out = append(append(out, layers...), manifest)
	}
	return out, nil
}

// toPush returns the statement of a release and its form, or why it cannot be published.
func toPush(r *artifact.Release) (artifact.Statement, artifact.Form, error) {
	if len(r.Signed) == 0 {
		return artifact.Statement{}, artifact.Form{}, errors.New("a release without a statement cannot be published")
	}
	s, err := artifact.ParseStatement(r.Signed[0].Statement)
	if err != nil {
		return s, artifact.Form{}, err
	}
	form, err := artifact.Build(s)
	if err == nil && form.Index.Descriptor.Digest != r.Index.Descriptor.Digest {
		err = errors.New("the release and its statement are not the same")
	}
	return s, form, err
}

// newestFirst sorts versions.
func newestFirst(all []artifact.Version) []artifact.Version {
	slices.SortFunc(all, func(a, b artifact.Version) int { return b.Compare(a) })
	return slices.CompactFunc(all, func(a, b artifact.Version) bool { return a.String() == b.String() })
}
