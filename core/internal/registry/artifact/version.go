// Versions and constraints on them.

package artifact

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/go-version"
)

// Version is a semantic version without build metadata, so that it is a valid tag of a registry.
type Version struct{ v *version.Version }

var semantic = regexp.MustCompile(`^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$`)

// ParseVersion parses "1.4.2" or "2.0.0-rc.1".
func ParseVersion(text string) (Version, error) {
	if !semantic.MatchString(text) || len(text) > 100 {
		return Version{}, fmt.Errorf("%.100q is not a version: want three numbers such as 1.4.2, or 2.0.0-rc.1", text)
	}
	v, err := version.NewSemver(text)
	if err != nil {
		return Version{}, fmt.Errorf("%q is not a version: %w", text, err)
	}
	return Version{v}, nil
}

func (v Version) String() string {
	if v.v == nil {
		return ""
	}
	return v.v.Original()
}

// IsZero reports whether it is the zero value.
func (v Version) IsZero() bool { return v.v == nil }

// Prerelease reports whether it is a prerelease.
func (v Version) Prerelease() bool { return v.v.Prerelease() != "" }

// Compare is negative if v precedes w.
func (v Version) Compare(w Version) int { return v.v.Compare(w.v) }

// Constraint is a constraint such as "~> 1.4" or ">= 1.2, < 2.0". The zero value allows every
// version except prereleases.
type Constraint struct {
	text string
	c    version.Constraints
}

const maxConstraint = 200

// ParseConstraint parses a constraint; "" allows every version except prereleases.
func ParseConstraint(text string) (Constraint, error) {
	if text == "" {
		return Constraint{}, nil
	}
	var c version.Constraints
	var err error
	if len(text) <= maxConstraint {
		c, err = version.NewConstraint(text)
	}
	if err != nil || c == nil {
		return Constraint{}, fmt.Errorf(
			`%.200q is not a version constraint: want "1.4.2", "~> 1.4" (1.4 or newer, but not 2), `+
				`"~> 1.4.2", ">= 1.2, < 2.0"`, text)
	}
	return Constraint{text, c}, nil
}

func (c Constraint) String() string { return c.text }

// Allows reports whether a version satisfies the constraint. A prerelease does only if the
// constraint names one.
func (c Constraint) Allows(v Version) bool {
	names := slices.ContainsFunc(c.c, func(part *version.Constraint) bool { return part.Prerelease() })
	return (names || !v.Prerelease()) && c.c.Check(v.v)
}

// Exact reports whether the constraint names exactly one version.
func (c Constraint) Exact(v Version) bool {
	w, err := ParseVersion(trimEquals(c.text))
	return err == nil && w.Compare(v) == 0
}

var equals = regexp.MustCompile(`^\s*=?\s*`)

func trimEquals(text string) string { return equals.ReplaceAllString(text, "") }

// About returns the usual constraint for a version: compatible versions, or exactly this
// prerelease.
func (v Version) About() string {
	if v.Prerelease() {
		return v.String()
	}
	s := v.v.Segments()
	return fmt.Sprintf("~> %d.%d", s[0], s[1])
}
