// Settings: a user's or company's defaults for all installations, from a file.

package install

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
)

// SettingsFile is the name of the file with the settings.
const SettingsFile = "config.hcl"

// Trust says which keys are accepted if none is known.
type Trust string

// The ways to trust.
const (
	TrustFirstUse Trust = "first-use" // the first seen one, which is remembered
	TrustRequire  Trust = "require"   // none
	TrustNone     Trust = "none"      // any, and unsigned releases
)

// Settings are the content of the file. Use ReadSettings: the zero value is invalid.
type Settings struct {
	Trust   Trust
	Mirrors []MirrorRule
	Indexes []string   // files, URLs and folders for `plugins search`
	Dev     []Override // programs that replace published plugins
}

// MirrorRule says from where plugins are fetched instead of their source.
type MirrorRule struct{ Pattern, To string }

// Override is a local program that replaces a published plugin, for its developer.
type Override struct{ Source, Path string }

// ReadSettings reads the file. Without a file, it returns the defaults.
func ReadSettings(path string) (Settings, error) {
	s := Settings{Trust: TrustFirstUse}
	in, err := hclfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	top := in.Body()
	if t := Trust(top.Text("trust_default")); t != "" {
		s.Trust = t
	}
	if !slices.Contains([]Trust{TrustFirstUse, TrustRequire, TrustNone}, s.Trust) {
		top.Fail("trust_default", "it is %q: want first-use, require or none", s.Trust)
	}
	s.Indexes = top.Texts("indexes")
	for _, b := range top.Blocks("mirror") {
		rule := MirrorRule{b.Label, b.Need("to")}
		if err := artifact.CheckPattern(rule.Pattern); err != nil {
			in.Fail(b.Line, "%v", err)
		}
		if _, err := rule.source("example.com/a/b"); err != nil && rule.To != "" {
			b.Fail("to", "%v", err)
		}
		b.Done()
		s.Mirrors = append(s.Mirrors, rule)
	}
	for _, b := range top.Blocks("dev_override") {
		if _, err := artifact.ParseSource(b.Label); err != nil {
			in.Fail(b.Line, "dev_override: %v", err)
		}
		s.Dev = append(s.Dev, Override{b.Label, b.Need("path")})
		b.Done()
	}
	top.Done()
	return s, in.Err()
}

// source returns the plugin's source in the mirror. In To, {path} is the plugin's name without the
// host.
func (m MirrorRule) source(name string) (artifact.Source, error) {
	_, rest, _ := strings.Cut(strings.TrimPrefix(name, "https://"), "/")
	text := strings.ReplaceAll(m.To, "{path}", rest)
	if strings.HasPrefix(text, "oci-layout:") && !strings.Contains(text, "#") {
		text += "#" + name
	}
	s, err := artifact.ParseSource(text)
	if err != nil {
		return s, fmt.Errorf("mirror for %s: %w", m.Pattern, err)
	}
	s.Name = name // the name in the statement stays that of the original
	return s, nil
}

// from returns the source to fetch from: the plugin's own, or a mirror.
func (in *Installer) from(s artifact.Source, name string) (artifact.Source, error) {
	if s.Kind == artifact.Layout {
		s.Name = name // expected even if the source does not name it
		return s, nil // it is a mirror itself
	}
	if in.Mirror != "" {
		return MirrorRule{"*", in.Mirror}.source(name)
	}
	for _, m := range in.Settings.Mirrors {
		if artifact.Matches(m.Pattern, name) {
			return m.source(name)
		}
	}
	return s, nil
}
