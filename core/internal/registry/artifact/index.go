// The OCI form of a release: an index with one manifest for each platform, which follows from the
// statement alone.

package artifact

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Types of what lies in a registry.
const (
	TypePlugin    = "application/vnd.scrapekit.plugin.v1"
	TypeManifest  = "application/vnd.scrapekit.plugin.manifest.v1+json"
	TypeArchive   = "application/vnd.scrapekit.plugin.archive.v1.tar+gzip"
	TypeSignature = "application/vnd.scrapekit.signature.v1"
	TypeStatement = "application/vnd.scrapekit.statement.v1+json"
	TypeMinisig   = "application/vnd.scrapekit.minisig.v1"
)

// Blob is content with its descriptor.
type Blob struct {
	Descriptor ocispec.Descriptor
	Content    []byte
}

func newBlob(mediaType string, content []byte) Blob {
	return Blob{ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))},
		content}
}

// Form is the OCI form of a release, but for the archives.
type Form struct {
	Index     Blob
	Manifests []Blob // of the platforms, in their order
	Config    Blob   // of each: the plugin's manifest
}

// Archived describes the archive of a target.
func (t Target) Archived() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: TypeArchive, Digest: t.Archive, Size: t.Size}
}

// Build makes the OCI form of a statement out of its manifest and its archives; source, key and
// index play no part. It is the same for the same release, so whoever has a statement can tell
// whether an index is the one that it speaks of.
func Build(s Statement) (Form, error) {
	raw, err := json.Marshal(s.Manifest)
	if err != nil {
		return Form{}, err
	}
	f := Form{Config: newBlob(TypeManifest, raw)}
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: TypePlugin,
		Annotations: map[string]string{ocispec.AnnotationTitle: s.Manifest.Name,
			ocispec.AnnotationVersion: s.Manifest.Version},
	}
	for _, p := range s.Platforms() {
		raw, err := json.Marshal(ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
			ArtifactType: TypePlugin,
			Config:       f.Config.Descriptor, Layers: []ocispec.Descriptor{s.Targets[p].Archived()},
		})
		if err != nil {
			return Form{}, err
		}
		m := newBlob(ocispec.MediaTypeImageManifest, raw)
		f.Manifests = append(f.Manifests, m)
		entry := m.Descriptor
		entry.ArtifactType, entry.Platform = TypePlugin, &ocispec.Platform{OS: p.OS(), Architecture: p.Arch()}
		index.Manifests = append(index.Manifests, entry)
	}
	raw, err = json.Marshal(index)
	f.Index = newBlob(ocispec.MediaTypeImageIndex, raw)
	f.Index.Descriptor.ArtifactType = TypePlugin
	return f, err
}

// SignatureForm is the OCI form of a signed statement: a manifest that refers to the index, and its
// layers.
func SignatureForm(index ocispec.Descriptor, s Signed) (manifest Blob, layers []Blob, err error) {
	layers = []Blob{newBlob(TypeStatement, s.Statement)}
	if s.Signature != nil {
		layers = append(layers, newBlob(TypeMinisig, s.Signature))
	}
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: TypeSignature,
		Config:       ocispec.DescriptorEmptyJSON,
		Subject:      &ocispec.Descriptor{MediaType: index.MediaType, Digest: index.Digest, Size: index.Size},
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Descriptor)
	}
	raw, err := json.Marshal(m)
	manifest = newBlob(ocispec.MediaTypeImageManifest, raw)
	manifest.Descriptor.ArtifactType = TypeSignature
	return manifest, layers, err
}

// ErrOther says that a manifest is not the signature of a release.
var ErrOther = errors.New("the manifest is not a signature of this release")

// SignatureLayers reads the manifest that refers to an index and returns where its statement and
// its signature are; signature is nil if there is none.
func SignatureLayers(manifest []byte, index digest.Digest) (statement ocispec.Descriptor, signature *ocispec.Descriptor,
	err error) {
	var m ocispec.Manifest
	switch err := json.Unmarshal(manifest, &m); {
	case err != nil:
		return statement, nil, fmt.Errorf("the manifest of the signature is not JSON: %w", err)
	case m.ArtifactType != TypeSignature:
		return statement, nil, ErrOther
	case m.Subject == nil || m.Subject.Digest != index:
		return statement, nil, ErrOther
	case len(m.Layers) == 0 || len(m.Layers) > 2 || m.Layers[0].MediaType != TypeStatement:
		return statement, nil, errors.New("the manifest of the signature has no statement as its first layer")
	}
	for _, l := range m.Layers {
		if err := CheckBlob(l); err != nil {
			return statement, nil, fmt.Errorf("the manifest of the signature: %w", err)
		}
	}
	if len(m.Layers) == 2 {
		if signature = &m.Layers[1]; signature.MediaType != TypeMinisig {
			return statement, nil, fmt.Errorf("the manifest of the signature has a second layer of the type %.100q",
				signature.MediaType)
		}
	}
	return m.Layers[0], signature, nil
}

// CheckBlob takes a descriptor of something that is read into memory: with a SHA-256, and not too
// long.
func CheckBlob(d ocispec.Descriptor) error {
	if err := CheckDigest(d.Digest); err != nil {
		return err
	}
	if d.Size < 0 || d.Size > MaxMetadata {
		return fmt.Errorf("%s has %d bytes: at most %d are taken", d.Digest, d.Size, MaxMetadata)
	}
	return nil
}

// CheckIndex takes the bytes of an index for a plugin's, by its type.
func CheckIndex(raw []byte) error {
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return fmt.Errorf("the index is not JSON: %w", err)
	}
	if index.ArtifactType != TypePlugin {
		return fmt.Errorf("not a plugin of scrapekit: the index has the artifactType %.100q", index.ArtifactType)
	}
	return nil
}
