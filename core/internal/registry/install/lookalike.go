// Look-alikes: names that somebody may have chosen to be taken for another.

package install

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
)

// lookAlikes are the names that this user knows, and of which the plugin's could be a forgery: a
// namespace or a name a letter away from a known one, or a known name in another namespace.
func (r resolution) lookAlikes(p lock.Plugin) []string {
	name := p.PublishedName()
	var out []string
	for _, known := range r.knownNames() {
		if known == name || strings.HasSuffix(known, "/*") && artifact.Matches(known, name) {
			return nil // it is one of them
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

// knownNames are those of the plugins in the lock files of this user, and the patterns of the keys
// that the user trusts.
func (r resolution) knownNames() []string {
	var out []string
	for _, e := range r.user.Entries {
		out = append(out, e.Pattern)
	}
	files := []*lock.File{r.locked}
	if users, err := r.Store.Users(); err == nil { // a warning less, if the store cannot be read
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

// resembles compares a new name with a known one, or with a pattern of known ones.
func resembles(name, known string) bool {
	space, knownSpace := artifact.Namespace(name), strings.TrimSuffix(known, "/*")
	if knownSpace != known {
		return nearSpace(space, knownSpace)
	}
	knownSpace = artifact.Namespace(known)
	short, knownShort := artifact.ShortName(name), artifact.ShortName(known)
	if space == knownSpace {
		return false // its publisher is known, and signs it
	}
	return short == knownShort || near(short, knownShort) || nearSpace(space, knownSpace)
}

// nearSpace compares two namespaces: the same owner at a host that looks like the known one, or the
// other way round.
func nearSpace(a, b string) bool {
	host, owner, _ := strings.Cut(a, "/")
	knownHost, knownOwner, _ := strings.Cut(b, "/")
	return host == knownHost && near(owner, knownOwner) || owner == knownOwner && near(host, knownHost)
}

// confusable are letters that look alike, and what is left out or put in without being noticed.
var confusable = strings.NewReplacer("0", "o", "1", "l", "i", "l", "rn", "m", "vv", "w", "5", "s", "-", "", "_", "",
	".", "")

// near reports whether two different names could be taken for each other.
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

// transposed reports whether two letters have changed places.
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
