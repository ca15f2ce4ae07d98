// Package artifact is what a published plugin consists of, as bytes: its name, its version, the
// archive for each platform, the statement that ties them together and the signature under it. It
// reads and makes them, and knows no network. Package remote gets and puts them.
//
// Everything that is read here was written by a stranger: sizes have bounds, and what is not
// expected is an error.
//
// # A release
//
// A release of a plugin is the same wherever it lies. It consists of
//
//   - an archive for each platform: gzip over tar, with the program and at most its LICENSE, NOTICE, README and CHANGELOG as plain
//     files of its top folder ([WriteArchive], [Unpack]);
//   - a [Manifest]: name, version, kind, protocol, permissions and description of the plugin, as it says them itself;
//   - an OCI index, which follows from the manifest and the digests and sizes of the archives alone ([Build]). Its digest is the
//     identity of the release: files behind HTTPS, a registry and a mirror of either have the same entry in a lock file;
//   - a [Statement], which names the source, the index, the manifest, and the digests of each archive and of the program in it;
//   - signatures of minisign under the bytes of the statement, which names the key that it is signed by.
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
//	              └─ layer: the signature, [TypeMinisig]; missing where the release is not signed
//
// The tag is the version and nothing else: tags that are no semantic version are not the plugin's.
// A second key (while one is being replaced) is a second referrer. Registries without the referrers
// API hold them under the tag that the specification names for that case. In a layout the tag
// (org.opencontainers.image.ref.name) is NAME:VERSION, as one folder may hold many plugins; a bare
// VERSION will do as well.
//
// # As files
//
//	versions.json                          {"versions": ["1.4.2", "1.4.1"]}
//	1.4.2/statement.json
//	1.4.2/statement.json.minisig
//	1.4.2/SHA256SUMS                       of the archives and of statement.json, as sha256sum writes it
//	1.4.2/SHA256SUMS.minisig               for people: what scrapekit believes is the signature of the statement
//	1.4.2/jira_1.4.2_linux_amd64.tar.gz
//
// below the URL that the source is. At GitHub the files of a version are the assets of the release
// v1.4.2 (or 1.4.2), and the list of releases stands for versions.json.
//
// # The order of verification
//
//  1. A tag is resolved to the digest of an index; where the lock file has a digest, that one is asked for and nothing else.
//  2. Index, referrers, statement and signature are fetched, each at most [MaxMetadata] long, each by its digest.
//  3. [Release.Verify]: the signature under the statement fits the key that the statement names; whoever asks accepts that key; the statement
//     names this source, this version and this index, and the index is the one that [Build] makes of it.
//  4. The archive of the platform is fetched by its digest, at most [MaxArchive] long; its reader ends with an error if
//     a byte is too few, too many or another ([Exactly]).
//  5. [Unpack] takes exactly one program and its texts, at most [MaxUnpacked], and compares the program's digest with the statement.
//  6. The program is started in the sandbox and must say of itself what the manifest says.
package artifact

// Bounds of what is fetched.
const (
	// MaxMetadata is the most bytes of an index, a manifest, a statement or a list.
	MaxMetadata = 4 << 20
	// MaxArchive is the most bytes of an archive.
	MaxArchive = 256 << 20
	// MaxUnpacked is the most bytes that an archive unpacks to.
	MaxUnpacked = 512 << 20
	// MaxSignatures is how many signatures of a release are looked at.
	MaxSignatures = 16
	// maxPlatforms is the most platforms of a release.
	maxPlatforms = 64
)
