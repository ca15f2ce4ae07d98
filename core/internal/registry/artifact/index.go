// The OCI form of a release: an index with one manifest for each platform, derived from the
// statement.

package artifact

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types in a registry.
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

// Form is the OCI form of a release without the archives.
type Form struct {
	Index     Blob
	Manifests []Blob // of the platforms, in order
	Config    Blob   // of each manifest: the plugin's Manifest
}

// Archived returns the descriptor of a target's archive.
func (t Target) Archived() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: TypeArchive, Digest: t.Archive, Size: t.Size}
}

// Build makes the OCI form of a statement from its manifest and archives; source, key and index do
// not affect it. It is deterministic, so it can verify that an index belongs to a statement.
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

// SignatureForm returns the OCI form of a signed statement: a manifest that refers to the index,
// with its layers.
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

// ErrOther says that a manifest is not a signature of the release.
var ErrOther = errors.New("the manifest is not a signature of this release")

// SignatureLayers reads a manifest that refers to an index, and returns the descriptors of its
// statement and signature (nil: unsigned).
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

// CheckBlob returns an error unless a descriptor has a SHA-256 digest and is small enough for
// memory.
func CheckBlob(d ocispec.Descriptor) error {
	if err := CheckDigest(d.Digest); err != nil {
		return err
	}
	if d.Size < 0 || d.Size > MaxMetadata {
		return fmt.Errorf("%s has %d bytes: at most %d are taken", d.Digest, d.Size, MaxMetadata)
	}
	return nil
}

// CheckIndex returns an error unless raw is the index of a plugin, by its type.
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
