// Releases: what is published of one version, and whether it may be believed.

package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// Release is what is published of one version but for the archives, as it was found. Nothing of it
// is to be believed before Verify has.
type Release struct {
	Name    string  // under which it was found; "" in a layout that does not say
	Version Version // under which it was found
	Index   Blob    // its descriptor's digest is the identity of the release
	Signed  []Signed
	// SumsSignature is the signature under SHA256SUMS, which goes along where releases are files.
	// Nobody here believes it.
	SumsSignature []byte
}

// Signed is a statement with the signature under it; a nil Signature: none.
type Signed struct {
	Statement []byte
	Signature []byte
}

// NewRelease makes a release of statements that speak of the same index.
func NewRelease(signed ...Signed) (*Release, error) {
	if len(signed) == 0 {
		return nil, errors.New("a release without a statement")
	}
	s, err := ParseStatement(signed[0].Statement)
	if err != nil {
		return nil, err
	}
	form, err := Build(s)
	if err != nil {
		return nil, err
	}
	if form.Index.Descriptor.Digest != s.Index {
		return nil, errIndex(s)
	}
	v, err := ParseVersion(s.Manifest.Version)
	return &Release{Name: s.Source, Version: v, Index: form.Index, Signed: signed}, err
}

// UntrustedError says that nobody whose key is accepted signed a release.
type UntrustedError struct {
	Keys []Key // that did sign it; "" stands for a statement without a signature
}

func (e *UntrustedError) Error() string {
	var by []string
	for _, k := range e.Keys {
		if k == "" {
			by = append(by, "nobody")
		} else {
			by = append(by, k.Fingerprint())
		}
	}
	return "the release is signed by " + strings.Join(by, " and ") + ", and that key is not trusted"
}

// Verify returns the first statement that may be believed: it speaks of this release, under this
// name, and is signed by a key that accept accepts. accept is asked with "" for a statement without
// a signature. name is that of the source ("" takes any). An [UntrustedError] says that all is well
// but for the key. It checks no archive: the statement says what that must be.
func (r *Release) Verify(name string, accept func(Key) bool) (Statement, error) {
	var untrusted UntrustedError
	var errs []error
	for i, signed := range r.Signed {
		if i == MaxSignatures {
			break
		}
		s, err := r.statement(name, signed)
		switch {
		case err != nil:
			errs = append(errs, err)
		case accept(s.Key):
			return s, nil
		default:
			untrusted.Keys = append(untrusted.Keys, s.Key)
		}
	}
	switch {
	case untrusted.Keys != nil:
		return Statement{}, &untrusted
	case errs == nil:
		return Statement{}, errors.New("the release has no statement of who published it: it was not put there by `scrapekit plugins push`, or its signature was left behind when it was copied")
	}
	return Statement{}, errors.Join(errs...)
}

// statement returns what one signed statement says, checked by all but who signed it. Its key is ""
// if it has no signature.
func (r *Release) statement(name string, signed Signed) (Statement, error) {
	s, err := ParseStatement(signed.Statement)
	if err != nil {
		return Statement{}, err
	}
	if signed.Signature == nil {
		s.Key = ""
	} else if s.Key == "" {
		return Statement{}, errors.New("the statement is signed, but names no key")
	} else if err := s.Key.Verify(signed.Statement, signed.Signature); err != nil {
		return Statement{}, err
	}
	form, err := Build(s)
	switch {
	case err != nil:
		return Statement{}, err
	case name != "" && s.Source != name:
		return Statement{}, fmt.Errorf("the statement is of %q, not of %q", s.Source, name)
	case s.Manifest.Version != r.Version.String():
		return Statement{}, fmt.Errorf("the statement is of version %s, not of %s", s.Manifest.Version, r.Version)
	case s.Index != r.Index.Descriptor.Digest:
		return Statement{}, fmt.Errorf("the statement is of another release: it names the index %s, and this one is %s",
			s.Index, r.Index.Descriptor.Digest)
	case form.Index.Descriptor.Digest != s.Index:
		return Statement{}, errIndex(s)
	}
	return s, nil
}

func errIndex(s Statement) error {
	return fmt.Errorf("the statement is inconsistent: its index %s does not follow from its plugin and targets",
		s.Index)
}
