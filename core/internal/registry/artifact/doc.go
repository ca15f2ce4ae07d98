// Package artifact reads and writes the parts of a published plugin: its name, its version, an
// archive for each platform, the statement that ties them together, and its signature. It uses no
// network; package remote does.
//
// Everything that it reads is untrusted: sizes are bounded, and anything unexpected is an error.
//
// # A release
//
// A release of a plugin is the same in every place. It consists of
//
//   - an archive for each platform: gzip over tar, with the program and optionally LICENSE, NOTICE,
//     README and CHANGELOG as plain files of its top folder ([WriteArchive], [Unpack]);
//   - a [Manifest]: name, version, kind, protocol, permissions and description of the plugin, as
//     the program describes itself;
//   - an OCI index, which follows from the manifest and the digests and sizes of the archives
//     ([Build]). Its digest identifies the release: HTTPS files, a registry and a mirror have the
//     same entry in a lock file;
//   - a [Statement], which names the source, the index, the manifest, and the digests of each
//     archive and its program;
//   - signatures by minisign of the bytes of the statement, which names the signing key.
//
// # In a registry, and in an OCI layout
//
//	tag 1.4.2 ─► index, artifactType [TypePlugin], annotations title and version
//	              ├─ manifest for linux_amd64, artifactType [TypePlugin], platform linux/amd64
//	              │    ├─ config: the Manifest, [TypeManifest]
//	              │    └─ layer:  the archive, [TypeArchive]
//	              └─ manifest for darwin_arm64 …
//	referrer ──► manifest, artifactType [TypeSignature], subject: the index
//	              ├─ layer: the statement, [TypeStatement]
//	              └─ layer: the signature, [TypeMinisig]; absent if the release is unsigned
//
// The tag is the version; tags that are no semantic version are ignored. A second key (during a
// replacement) is a second referrer. Registries without the referrers API have it under the
// fallback tag of the specification. In a layout, the tag (org.opencontainers.image.ref.name) is
// NAME:VERSION, because one folder may hold many plugins; VERSION alone is accepted too.
//
// # As files
//
//	versions.json                          {"versions": ["1.4.2", "1.4.1"]}
//	1.4.2/statement.json
//	1.4.2/statement.json.minisig
//	1.4.2/SHA256SUMS                       of the archives and statement.json, as by sha256sum
//	1.4.2/SHA256SUMS.minisig               for people: scrapekit trusts the statement's signature
//	1.4.2/jira_1.4.2_linux_amd64.tar.gz
//
// below the URL of the source. On GitHub, the files of a version are the assets of the release
// v1.4.2 (or 1.4.2), and the list of releases replaces versions.json.
//
// # The order of verification
//
//  1. A tag is resolved to the digest of an index. If the lock file has a digest, only that one is
//     fetched.
//  2. Index, referrers, statement and signature are fetched by digest, each at most [MaxMetadata].
//  3. [Release.Verify]: the signature of the statement matches the key that the statement names;
//     the caller accepts that key; the statement names this source, version and index, and the
//     index is the one that [Build] makes from it.
//  4. The archive of the platform is fetched by digest, at most [MaxArchive]. Its reader returns an
//     error if a byte is missing, added or changed ([Exactly]).
//  5. [Unpack] accepts exactly one program and its texts, at most [MaxUnpacked], and compares the
//     program's digest with the statement.
//  6. The program is started in the sandbox, and its description must equal the manifest.
package artifact

// Bounds of downloads.
const (
	// MaxMetadata bounds an index, a manifest, a statement or a list, in bytes.
	MaxMetadata = 4 << 20
	// MaxArchive bounds an archive, in bytes.
	MaxArchive = 256 << 20
	// MaxUnpacked bounds the content of an archive, in bytes.
	MaxUnpacked = 512 << 20
	// MaxSignatures bounds the signatures of a release that are checked.
	MaxSignatures = 16
	// maxPlatforms bounds the platforms of a release.
	maxPlatforms = 64
)
