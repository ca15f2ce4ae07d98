// Statements: what a publisher signs.

package artifact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	jsonx "github.com/go-json-experiment/json"
	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/sdk"
)

// statementForm is the supported format of statements.
const statementForm = "scrapekit.plugin/1"

// Manifest is a plugin's description of itself. The started program must return the same.
type Manifest struct {
	Name        string          `json:"name"`
	Version     string          `json:"version"`
	Kind        sdk.Kind        `json:"kind"`
	Protocol    int             `json:"protocol"`
	Permissions sdk.Permissions `json:"permissions"`
	Paths       Paths           `json:"paths,omitzero"`
	Description string          `json:"description,omitempty"`
}

// Statement describes a release. The publisher signs its bytes.
type Statement struct {
	Form     string              `json:"statement"`
	Source   string              `json:"source"`
	Index    digest.Digest       `json:"index"`         // of the OCI index, which identifies the release
	Key      Key                 `json:"key,omitempty"` // the signing key; "": unsigned
	Manifest Manifest            `json:"plugin"`
	Targets  map[Platform]Target `json:"targets"`
}

// Target is the release for one platform.
type Target struct {
	Archive digest.Digest `json:"archive"`
	Size    int64         `json:"size"` // of the archive, in bytes
	Binary  digest.Digest `json:"binary"`
}

// Bytes returns the statement as signed and published.
func (s Statement) Bytes() ([]byte, error) {
	s.Form = statementForm
	raw, err := json.MarshalIndent(s, "", "  ")
	return append(raw, '\n'), err
}

// ParseStatement parses and checks a statement. An unknown field is an error, because it may
// restrict the release for newer hosts.
func ParseStatement(raw []byte) (Statement, error) {
	if len(raw) > MaxMetadata {
		return Statement{}, fmt.Errorf("the statement is longer than %d bytes", MaxMetadata)
	}
	var head struct {
		Form string `json:"statement"`
	}
	if err := jsonx.Unmarshal(raw, &head); err != nil {
		return Statement{}, fmt.Errorf("the statement is not JSON: %w", err)
	}
	if head.Form != statementForm {
		return Statement{}, fmt.Errorf("the statement has the form %.40q, this scrapekit reads %q: update "+
			"scrapekit, or ask the publisher", head.Form, statementForm)
	}
	var s Statement
	if err := jsonx.Unmarshal(bytes.Clone(raw), &s, jsonx.RejectUnknownMembers(true)); err != nil {
		return Statement{}, fmt.Errorf("the statement: %w", err)
	}
	return s, s.check()
}

var pluginName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// Check returns the first error in a manifest.
func (m Manifest) Check() error {
	switch {
	case !pluginName.MatchString(m.Name):
		return fmt.Errorf("%.80q cannot be a plugin's name: lower-case letters, digits, - and _", m.Name)
	case !slices.Contains([]sdk.Kind{sdk.KindSource, sdk.KindTransform, sdk.KindSink}, m.Kind):
		return fmt.Errorf("a plugin is a source, transform or sink, not %.40q", m.Kind)
	case m.Protocol < 1:
		return errors.New("the version of the protocol is missing")
	}
	if _, err := ParseVersion(m.Version); err != nil {
		return err
	}
	if err := m.Permissions.Check(); err != nil {
		return fmt.Errorf("permissions: %w", err)
	}
	if err := m.Paths.Check(); err != nil {
		return fmt.Errorf("paths: %w", err)
	}
	return nil
}

// check returns the first error in a statement.
func (s Statement) check() error {
	source, err := ParseSource(s.Source)
	if err != nil {
		return fmt.Errorf("the statement: %w", err)
	}
	if source.Kind == Layout {
		return fmt.Errorf("the statement: source %q: a layout is not a name", s.Source)
	}
	if s.Key != "" {
		if key, err := ParseKey(string(s.Key)); err != nil || key != s.Key {
			return fmt.Errorf("the statement: %.60q is not a minisign public key", s.Key)
		}
	}
	if err := s.Manifest.Check(); err != nil {
		return fmt.Errorf("the statement: %w", err)
	}
	return s.checkDigests()
}

func (s Statement) checkDigests() error {
	if err := CheckDigest(s.Index); err != nil {
		return fmt.Errorf("the statement: index: %w", err)
	}
	if len(s.Targets) == 0 || len(s.Targets) > maxPlatforms {
		return fmt.Errorf("the statement: it names %d platforms: want 1 to %d", len(s.Targets), maxPlatforms)
	}
	for _, p := range s.Platforms() {
		t := s.Targets[p]
		if known, err := ParsePlatform(string(p)); err != nil || known != p {
			return fmt.Errorf("the statement: %.40q is not a platform", p)
		}
		if err := errors.Join(CheckDigest(t.Archive), CheckDigest(t.Binary)); err != nil {
			return fmt.Errorf("the statement: %s: %w", p, err)
		}
		if t.Size < 1 || t.Size > MaxArchive {
			return fmt.Errorf("the statement: %s: an archive of %d bytes: 1 to %d are taken", p, t.Size, MaxArchive)
		}
	}
	return nil
}

// Platforms returns the platforms of the release, sorted.
func (s Statement) Platforms() []Platform { return slices.Sorted(maps.Keys(s.Targets)) }

// CheckDigest returns an error for algorithms other than SHA-256.
func CheckDigest(d digest.Digest) error {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("%.100q is not a digest: want sha256: and 64 hexadecimal digits", d)
	}
	return nil
}
