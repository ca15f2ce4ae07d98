// Package redact keeps secrets out of what people and files get to see. The host adds every
// credential that it reads to one [Set]; logs, errors, reports and recordings pass through it on
// their way out.
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

// mask stands where a secret stood.
const mask = "[redacted]"

// shortest is the length below which a secret is not looked for: it would blot out ordinary text.
const shortest = 4

// A Set knows secrets and takes them out of text. Its zero value is ready for use; its methods may
// be called by several goroutines at once. A nil *Set masks the values of telling URL parameters
// only.
type Set struct {
	mu    sync.Mutex
	forms map[string]struct{}
	known atomic.Pointer[known]
}

// known is what a Set looks for, made anew when it learns of another secret.
type known struct {
	sorted   []string            // the longest first
	starts   map[string][]string // those that begin so, the longest first
	replacer *strings.Replacer
}

// Add makes s mask secret, also in base64, in hex, and with any of its characters escaped as in
// URLs, JSON, Go and HTML, with characters in it that cannot be seen, and its beginning where a
// text was cut within it and ends with an ellipsis. A secret of fewer than 4 characters is ignored.
func (s *Set) Add(secret string) {
	s.add(forms(secret))
}

// AddBasic makes s mask password, and the base64 form in which user and password travel in an
// Authorization header.
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

// newKnown puts the longest form first: where one secret begins another, the whole of the longer
// one goes.
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

// String returns text without the secrets of s, and without the values of telling URL parameters.
func (s *Set) String(text string) string {
	return maskParameters(s.secrets(text))
}

// secrets takes out the secrets of s alone.
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

// Error returns an error whose text is that of err without secrets; errors.Is and errors.As see
// through it. It returns err itself where there is nothing to hide.
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

// Writer returns a writer that passes on to w what is written, without secrets. Each Write must
// hold whole lines, as those of a logger do: a secret that is cut in two by two writes is not seen.
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
