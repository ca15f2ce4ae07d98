// Look-alikes: detects names that imitate others.

package install

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
)

// lookAlikes returns the known names that the plugin's name may imitate: a namespace or name that
// differs by a letter, or a known name in another namespace.
func (r resolution) lookAlikes(p lock.Plugin) []string {
	name := p.PublishedName()
	var out []string
	for _, known := range r.knownNames() {
		if known == name || strings.HasSuffix(known, "/*") && artifact.Matches(known, name) {
			return nil // it is known itself
		}
		if resembles(name, known) {
			out = append(out, known)
		}
	}
	for _, shipped := range r.Shipped {
		if short := artifact.ShortName(name); near(short, shipped) || p.Name == shipped {
			out = append(out, shipped+", which is shipped with scrapekit")
		}
	}
	return out
}

// knownNames returns the plugins in this user's lock files, and the patterns of trusted keys.
func (r resolution) knownNames() []string {
	var out []string
	for _, e := range r.user.Entries {
		out = append(out, e.Pattern)
	}
	files := []*lock.File{r.locked}
	if users, err := r.Store.Users(); err == nil { // optional: the result is only for a warning
		for _, path := range users {
			if f, err := lock.Read(path); err == nil {
				files = append(files, f)
			}
		}
	}
	for _, f := range files {
		for _, p := range f.Plugins {
			out = append(out, p.PublishedName())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resembles compares a new name with a known name or pattern.
func resembles(name, known string) bool {
	space, knownSpace := artifact.Namespace(name), strings.TrimSuffix(known, "/*")
	if knownSpace != known {
		return nearSpace(space, knownSpace)
	}
	knownSpace = artifact.Namespace(known)
	short, knownShort := artifact.ShortName(name), artifact.ShortName(known)
	if space == knownSpace {
		return false // signed by its known publisher
	}
	return short == knownShort || near(short, knownShort) || nearSpace(space, knownSpace)
}

// nearSpace compares two namespaces: the same owner at a similar host, or a similar owner at the
// same host.
func nearSpace(a, b string) bool {
	host, owner, _ := strings.Cut(a, "/")
	knownHost, knownOwner, _ := strings.Cut(b, "/")
	return host == knownHost && near(owner, knownOwner) || owner == knownOwner && near(host, knownHost)
}

// confusable replaces letters that look alike, and removes those that are easily overlooked.
var confusable = strings.NewReplacer("0", "o", "1", "l", "i", "l", "rn", "m", "vv", "w", "5", "s", "-", "", "_", "",
	".", "")

// near reports whether two different names are easily confused.
func near(a, b string) bool {
	if a == b || min(len(a), len(b)) < 3 {
		return false
	}
	if confusable.Replace(a) == confusable.Replace(b) {
		return true
	}
	most := 1
	if min(len(a), len(b)) > 12 {
		most = 2
	}
	return levenshtein.Distance(a, b, nil) <= most || transposed(a, b)
}

// transposed reports whether two adjacent letters are swapped.
func transposed(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) - 1 {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}
