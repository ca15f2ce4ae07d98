// Releases: the published data of one version, and its verification.

package artifact

import (
	"errors"
	"fmt"
	"strings"
)

// Release is the published data of one version, without the archives. It is untrusted until Verify
// succeeds.
type Release struct {
	Name    string  // name where it was found; "" if a layout has none
	Version Version // version where it was found
	Index   Blob    // its digest identifies the release
	Signed  []Signed
	// SumsSignature is the signature of SHA256SUMS, for releases as files. It is not verified here.
	SumsSignature []byte
}

// Signed is a statement with its signature; nil: unsigned.
type Signed struct {
	Statement []byte
	Signature []byte
}

// NewRelease makes a release from statements about the same index.
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

// UntrustedError says that no accepted key signed a release.
type UntrustedError struct {
	Keys []Key // keys that signed it; "" for an unsigned statement
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

// Verify returns the first trusted statement: it describes this release with this name ("": any),
// and a key that accept accepts signed it. accept is called with "" for an unsigned statement. An
// [UntrustedError] means that only the key is not accepted. Verify does not check archives; their
// digests are in the statement.
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
		return Statement{}, errors.New("the release has no statement of who published it: it was not put there by " +
			"`scrapekit plugins push`, or its signature was left behind when it was copied")
	}
	return Statement{}, errors.Join(errs...)
}

// statement checks everything in a signed statement except whether its key is accepted. The key is
// "" if it is unsigned.
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
