// Signatures: minisign, so that a publisher can also sign, and anybody verify, with the tools of
// that name.

package artifact

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"aead.dev/minisign"
)

// Key is the public key of a publisher, in the one line that minisign writes: "RWQ…".
type Key string

// ParseKey reads a public key: the line by itself, or a file of minisign with its comment.
func ParseKey(text string) (Key, error) {
	var k minisign.PublicKey
	if len(text) > 1000 || k.UnmarshalText([]byte(strings.TrimSpace(text))) != nil {
		return "", fmt.Errorf("%.60q is not a minisign public key: want the line that begins with RW",
			strings.TrimSpace(text))
	}
	lines := strings.Fields(k.String()) // it may or may not begin with a comment
	return Key(lines[len(lines)-1]), nil
}

// Fingerprint names a key for people: its id, as minisign shows it, and the end of the key itself.
// The id alone can be chosen by anybody.
func (k Key) Fingerprint() string {
	var p minisign.PublicKey
	if p.UnmarshalText([]byte(k)) != nil {
		return string(k)
	}
	return fmt.Sprintf("%s (%s)", k.ID(), string(k))
}

// ID is the short name of a key, as minisign shows it. Anybody can make a key with the same one.
func (k Key) ID() string {
	var p minisign.PublicKey
	if p.UnmarshalText([]byte(k)) != nil {
		return ""
	}
	return fmt.Sprintf("%016X", p.ID())
}

// ErrSignature says that a signature is not that of the key under these bytes.
var ErrSignature = errors.New("the signature does not match")

// KeyID is what the signature says of the key that made it: a hint, no proof.
func KeyID(signature []byte) (uint64, error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return 0, errors.New("the signature is not one of minisign")
	}
	return s.KeyID, nil
}

// Verify checks the signature of a key under a message.
func (k Key) Verify(message, signature []byte) error {
	var p minisign.PublicKey
	if err := p.UnmarshalText([]byte(k)); err != nil {
		return fmt.Errorf("%q is not a minisign public key", string(k))
	}
	if len(signature) > 10_000 || !minisign.Verify(p, message, signature) {
		return ErrSignature
	}
	return nil
}

// GenerateKey makes a pair of keys. The private one is encrypted with the password, unless that is
// empty.
func GenerateKey(password string) (public Key, private []byte, err error) {
	pub, priv, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return "", nil, err
	}
	if password == "" {
		private, err = priv.MarshalText()
	} else {
		private, err = minisign.EncryptKey(password, priv)
	}
	if err != nil {
		return "", nil, err
	}
	public, err = ParseKey(pub.String())
	return public, append(private, '\n'), err
}

// Signer holds a private key.
type Signer struct {
	key    minisign.PrivateKey
	Public Key
}

// IsEncrypted reports whether a private key wants a password.
func IsEncrypted(private []byte) bool { return minisign.IsEncrypted(private) }

// OpenSigner reads a private key.
func OpenSigner(private []byte, password string) (*Signer, error) {
	var key minisign.PrivateKey
	var err error
	if minisign.IsEncrypted(private) {
		if key, err = minisign.DecryptKey(password, private); err != nil {
			return nil, errors.New("the private key cannot be opened: the password is wrong, or the file is damaged")
		}
	} else if err = key.UnmarshalText(private); err != nil {
		return nil, errors.New("not a private key of minisign")
	}
	pub, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return nil, errors.New("not a private key of minisign")
	}
	public, err := ParseKey(pub.String())
	return &Signer{key, public}, err
}

// Sign signs a message. The comment is signed with it.
func (s *Signer) Sign(message []byte, comment string) []byte {
	return minisign.SignWithComments(s.key, message, comment, "signature of a scrapekit plugin")
}
