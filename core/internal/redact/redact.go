// Package redact keeps secrets out of what people and files receive. The host adds every credential
// that it reads to one [Set]. Logs, errors, reports and recordings pass through it.
package redact

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// mask replaces a secret.
const mask = "[redacted]"

// shortest is the length below which a secret is ignored, because it would mask ordinary text.
const shortest = 4

// A Set knows secrets and removes them from text. Its zero value is ready for use. Its methods may
// be called by several goroutines at the same time. A nil *Set only masks the values of URL
// parameters whose names indicate secrets.
type Set struct {
	mu    sync.Mutex
	forms map[string]struct{}
	known atomic.Pointer[known]
}

// known is the search structure of a Set, rebuilt for each new secret.
type known struct {
	sorted   []string            // longest first
	starts   map[string][]string // by their first bytes, longest first
	replacer *strings.Replacer
}

// Add makes s mask secret in these forms: plain, base64, hex, any characters escaped as in URLs,
// JSON, Go and HTML, with invisible characters inside, and its beginning before the ellipsis of a
// cut text. It ignores secrets of fewer than 4 characters.
func (s *Set) Add(secret string) {
	s.add(forms(secret))
}

// AddBasic makes s mask password, and the base64 of user and password in an Authorization header.
func (s *Set) AddBasic(user, password string) {
	s.add(append(forms(password), base64Forms(user+":"+password)...))
}

func (s *Set) add(forms []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forms == nil {
		s.forms = map[string]struct{}{}
	}
	before := len(s.forms)
	for _, f := range forms {
		if len(f) >= shortest {
			s.forms[f] = struct{}{}
		}
	}
	if len(s.forms) > before {
		s.known.Store(newKnown(s.forms))
	}
}

// newKnown sorts by length, longest first, so that a secret with another one as its prefix is
// masked as a whole.
func newKnown(forms map[string]struct{}) *known {
	sorted := slices.SortedFunc(maps.Keys(forms), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	pairs := make([]string, 0, 2*len(sorted))
	starts := map[string][]string{}
	for _, f := range sorted {
		pairs = append(pairs, f, mask)
		starts[f[:shortest]] = append(starts[f[:shortest]], f)
	}
	return &known{sorted: sorted, starts: starts, replacer: strings.NewReplacer(pairs...)}
}

// String returns text without the secrets of s, and without the values of URL parameters whose
// names indicate secrets.
func (s *Set) String(text string) string {
	return maskParameters(s.secrets(text))
}

// secrets removes only the secrets of s.
func (s *Set) secrets(text string) string {
	if s == nil {
		return text
	}
	k := s.known.Load()
	if k == nil {
		return text
	}
	text = k.replacer.Replace(text)
	return escaped(cover(text, almost(text, nil, k, nil)), k)
}

// Error returns an error with the text of err without secrets, which wraps err for errors.Is and
// errors.As. It returns err itself if there is nothing to hide.
func (s *Set) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := s.String(text)
	if clean == text {
		return err
	}
	return &redacted{err: err, text: clean}
}

type redacted struct {
	err  error
	text string
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }

// Writer returns a writer that removes secrets and writes to w. Each Write must contain complete
// lines, as a logger's does: a secret across two writes is not found.
func (s *Set) Writer(w io.Writer) io.Writer {
	return &writer{set: s, w: w}
}

type writer struct {
	set *Set
	w   io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.w, w.set.String(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
