// Trust: whose signature of a plugin is accepted.

package install

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
)

// known are keys that are considered right, with the reason.
type known struct {
	where string // "scrapekit.lock.hcl, since 2026-11-23"
	keys  []artifact.Key
}

// policy says which keys may sign a plugin. A key that the user provided decides alone. Otherwise
// all remembered keys must agree: that in the lock file, the first seen one of the namespace, those
// of other locked plugins of the namespace. If none is remembered, the first seen key is accepted,
// unless the settings require provided keys.
type policy struct {
	name    string
	mode    Trust
	vouched bool
	known   []known
}

func policyFor(name string, before lock.Plugin, all *lock.File, user *keys.Keys, mode Trust) *policy {
	p := &policy{name: name, mode: mode}
	entries := user.For(name)
	if len(entries) > 0 && !entries[0].FirstUse {
		p.vouched = true
		p.known = []known{{"given by you for " + entries[0].Pattern, keysOf(entries)}}
		return p
	}
	if before.Signer.Key != "" {
		p.known = append(p.known, known{fmt.Sprintf("%s, since %s", lock.FileName, before.Signer.Since),
			[]artifact.Key{before.Signer.Key}})
	} else if k := namesakes(name, all); len(k.keys) > 0 {
		p.known = append(p.known, k)
	}
	if len(entries) > 0 {
		p.known = append(p.known, known{fmt.Sprintf("first seen by you on %s for %s", entries[0].Since,
			entries[0].Pattern), keysOf(entries)})
	}
	return p
}

func keysOf(entries []keys.Entry) []artifact.Key {
	var out []artifact.Key
	for _, e := range entries {
		out = append(out, e.Key)
	}
	return out
}

// namesakes returns the keys of locked plugins of the same namespace.
func namesakes(name string, all *lock.File) known {
	k := known{where: fmt.Sprintf("%s, of other plugins of %s", lock.FileName, artifact.Namespace(name))}
	for _, p := range all.Plugins {
		if p.Signer.Key != "" && pinFor(p.PublishedName()) == pinFor(name) && !slices.Contains(k.keys, p.Signer.Key) {
			k.keys = append(k.keys, p.Signer.Key)
		}
	}
	return k
}

// accepts reports whether a key is accepted; "" means unsigned.
func (p *policy) accepts(k artifact.Key) bool {
	switch {
	case p.mode == TrustRequire && !p.vouched:
		return false // a lock file can be from anybody
	case len(p.known) == 0:
		return p.mode == TrustNone || k != ""
	}
	for _, one := range p.known {
		if !slices.Contains(one.keys, k) {
			return false
		}
	}
	return true
}

// pinFor returns the pattern for a first-seen key: the namespace, or only the name if the namespace
// would be a whole host.
func pinFor(name string) string {
	space := artifact.Namespace(name)
	bare := strings.TrimPrefix(strings.TrimPrefix(space, "https://"), "http://")
	if space == name || !strings.Contains(bare, "/") {
		return name
	}
	return space + "/*"
}

// KeyError says that no accepted key signed a release.
type KeyError struct {
	Source, Version string
	Keys            []artifact.Key // keys that signed it; "" means unsigned
	policy          *policy
}

func (e *KeyError) Error() string {
	var out strings.Builder
	signed := slices.DeleteFunc(slices.Clone(e.Keys), func(k artifact.Key) bool { return k == "" })
	fmt.Fprintf(&out, "%s %s: ", e.Source, e.Version)
	switch {
	case len(signed) == 0:
		out.WriteString("nobody has signed it")
	case len(e.policy.known) > 0 && e.policy.vouched:
		out.WriteString("it is signed with a key that is not one of those that you trust for it")
	case e.policy.mode != TrustRequire:
		out.WriteString("the key of its publisher has changed")
	default:
		out.WriteString("no key is trusted for it, and the settings say trust_default = \"require\"")
	}
	for _, k := range e.policy.known {
		for _, key := range k.keys {
			fmt.Fprintf(&out, "\n  known   %s  (%s)", key.Fingerprint(), k.where)
		}
	}
	for _, k := range signed {
		fmt.Fprintf(&out, "\n  signed  %s", k.Fingerprint())
	}
	if len(signed) == 0 {
		out.WriteString("\nask the publisher to sign it, with `scrapekit plugins sign`")
		if len(e.policy.known) == 0 {
			out.WriteString("; trust_default = \"none\" in your settings accepts unsigned releases")
		}
		return out.String()
	}
	fmt.Fprintf(&out, "\nask the publisher through another channel; if the key is theirs:\n"+
		"  scrapekit plugins trust add '%s' %s", pinFor(e.policy.name), signed[0])
	return out.String()
}
