// Settings: what a user or a company wants of all installations, in a file of theirs.

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

// Trust says which keys are taken where none is known.
type Trust string

// The ways to trust.
const (
	TrustFirstUse Trust = "first-use" // the first that is seen; it is remembered
	TrustRequire  Trust = "require"   // none
	TrustNone     Trust = "none"      // any, and none at all
)

// Settings are the content of the file. Their zero value is not good: see ReadSettings.
type Settings struct {
	Trust   Trust
	Mirrors []MirrorRule
	Indexes []string   // files, URLs and folders that `plugins search` looks into
	Dev     []Override // programs that stand in for published plugins
}

// MirrorRule says where plugins are got from in place of their source.
type MirrorRule struct{ Pattern, To string }

// Override is a program that is run in place of a published plugin, by whoever develops that.
type Override struct{ Source, Path string }

// ReadSettings reads the file. One that is not there says what is usual.
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

// source is where the mirror has a plugin. In To, {path} stands for the plugin's name without the
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
	s.Name = name // what the statement names is the plugin, wherever it is
	return s, nil
}

// from is where a plugin is got: from its source, or from a mirror of it.
func (in *Installer) from(s artifact.Source, name string) (artifact.Source, error) {
	if s.Kind == artifact.Layout {
		s.Name = name // what it must be, even where the source does not say
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
