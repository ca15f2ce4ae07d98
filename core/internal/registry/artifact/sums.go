// SHA256SUMS, in the format of sha256sum.

package artifact

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Names of files of a release.
const (
	SumsFile         = "SHA256SUMS"
	SumsMinisig      = "SHA256SUMS.minisig"
	StatementFile    = "statement.json"
	StatementMinisig = "statement.json.minisig"
	VersionsFile     = "versions.json"
)

const (
	maxSums     = 1000 // files
	maxFileName = 200
)

// Sums are the digests of the files of a release by name.
type Sums map[string]digest.Digest

// ParseSums parses SHA256SUMS. A name with a path is an error.
func ParseSums(raw []byte) (Sums, error) {
	if len(raw) > MaxMetadata {
		return nil, fmt.Errorf("%s is longer than %d bytes", SumsFile, MaxMetadata)
	}
	out := Sums{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" {
			continue
		}
		sum, name, ok := strings.Cut(line, " ")
		name = strings.TrimPrefix(strings.TrimPrefix(name, " "), "*")
		binary, err := hex.DecodeString(sum)
		switch {
		case !ok || err != nil || len(binary) != 32:
			return nil, fmt.Errorf("%s:%d: want a SHA-256, two spaces and a name", SumsFile, n)
		case !isFileName(name):
			return nil, fmt.Errorf("%s:%d: %.100q is not a plain file name", SumsFile, n, name)
		case out[name] != "":
			return nil, fmt.Errorf("%s:%d: %q is there twice", SumsFile, n, name)
		case len(out) == maxSums:
			return nil, fmt.Errorf("%s: more than %d files", SumsFile, maxSums)
		}
		out[name] = digest.NewDigestFromHex("sha256", strings.ToLower(sum))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", SumsFile, err)
	}
	return out, nil
}

// isFileName reports whether a name needs no escaping in a URL and leads to no other folder.
func isFileName(name string) bool {
	return name != "" && len(name) <= maxFileName && !strings.HasPrefix(name, ".") && isASCII(name) &&
		!strings.ContainsAny(name, `/\?#%:`)
}

// Bytes formats the sums like sha256sum.
func (s Sums) Bytes() []byte {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&out, "%s  %s\n", s[name].Encoded(), name)
	}
	return out.Bytes()
}

// Named returns the file with a digest.
func (s Sums) Named(d digest.Digest) (string, bool) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if s[name] == d {
			return name, true
		}
	}
	return "", false
}

// ArchiveName returns the file name of the archive for a platform.
func (m Manifest) ArchiveName(p Platform) string {
	return fmt.Sprintf("%s_%s_%s.tar.gz", m.Name, m.Version, p)
}

// Sums returns the sums of the release's files: the archives and the statement's bytes.
func (s Statement) Sums(statement []byte) Sums {
	out := Sums{StatementFile: digest.FromBytes(statement)}
	for p, t := range s.Targets {
		out[s.Manifest.ArchiveName(p)] = t.Archive
	}
	return out
}

// CheckRelease returns an error if the sums contradict the statement.
func (s Sums) CheckRelease(statement []byte) error {
	if got := digest.FromBytes(statement); s[StatementFile] != got {
		return fmt.Errorf("%s says that %s has the digest %q, and it has %s", SumsFile, StatementFile, s[StatementFile],
			got)
	}
	parsed, err := ParseStatement(statement)
	if err != nil {
		return err
	}
	for _, p := range parsed.Platforms() {
		if _, ok := s.Named(parsed.Targets[p].Archive); !ok {
			return fmt.Errorf("%s has no file with the digest of the archive for %s, %s", SumsFile, p,
				parsed.Targets[p].Archive)
		}
	}
	return nil
}
