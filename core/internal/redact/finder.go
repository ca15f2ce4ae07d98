// Finder: searches for secrets in a text that is too long for memory.

package redact

import (
	"slices"
	"strings"
)

// Known returns text without the secrets of s. Unlike [Set.String], it does not mask parameters of
// URLs.
func (s *Set) Known(text string) string { return s.secrets(text) }

const (
	findAtOnce = 64 << 10
	// escapedTimes is how many times longer a secret gets if each of its characters is escaped
	// twice.
	escapedTimes = 12
)

// Finder returns a finder of the secrets of s in a text that comes in pieces.
func (s *Set) Finder() *Finder {
	f := &Finder{set: s}
	if s == nil {
		return f
	}
	if k := s.known.Load(); k != nil {
		f.overlap = escapedTimes * len(k.sorted[0])
	}
	return f
}

// Finder searches one text for secrets. It searches long overlapping pieces, so that it also finds
// a secret across a border.
type Finder struct {
	set     *Set
	overlap int // 0: no secrets
	held    []byte
	found   bool
}

// Write adds the next piece, for io.Copy. It never fails.
func (f *Finder) Write(p []byte) (int, error) {
	f.Add(p)
	return len(p), nil
}

// Add adds the next piece.
func (f *Finder) Add(p []byte) {
	if f.overlap == 0 || f.found {
		return
	}
	f.held = append(f.held, p...)
	if len(f.held) > findAtOnce+2*f.overlap {
		f.look()
		f.held = append(f.held[:0], f.held[len(f.held)-f.overlap:]...)
	}
}

// End ends the text. Another may follow.
func (f *Finder) End() {
	if f.overlap > 0 && !f.found {
		f.look()
	}
	f.held = f.held[:0]
}

func (f *Finder) look() {
	f.found = holds(string(f.held), f.set.known.Load().sorted)
}

// Found reports whether a secret was found so far.
func (f *Finder) Found() bool { return f.found }

// holds reports whether a text contains one of secrets, plain or escaped, as [escaped] would find
// it.
func holds(text string, secrets []string) bool {
	has := func(s string) bool {
		return slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(s, secret) })
	}
	if has(text) {
		return true
	}
	if strings.ContainsFunc(text, unseen) {
		if plain, _ := seen(text, nil); has(plain) {
			return true
		}
	}
	for _, plus := range []bool{false, true} {
		from := text
		if plus {
			if from = strings.ReplaceAll(text, "+", " "); from == text {
				break
			}
		}
		for _, kind := range kindsIn(from) {
			plain := from
			for range layers {
				next := unescaped(plain, kind)
				if next == plain {
					break
				}
				if plain = next; has(plain) {
					return true
				}
			}
		}
	}
	return false
}

// unescaped undoes one layer of escapes of a kind.
func unescaped(text, kind string) string {
	var b strings.Builder
	from := 0 // start of what is not copied yet
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(kind, text[i]) < 0 {
			continue
		}
		unit, n := escape(text[i:])
		b.WriteString(text[from:i])
		b.WriteString(unit)
		from = i + n
		i = from - 1
	}
	if from == 0 {
		return text
	}
	b.WriteString(text[from:])
	return b.String()
}
