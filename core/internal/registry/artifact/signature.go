// Signatures in the format of minisign, so that publishers can also sign, and anybody verify, with
// that tool.

package artifact

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"aead.dev/minisign"
)

// Key is a publisher's public key in minisign's one-line form: "RWQ…".
type Key string

// ParseKey parses a public key: the line alone, or a file of minisign with its comment.
func ParseKey(text string) (Key, error) {
	var k minisign.PublicKey
	if len(text) > 1000 || k.UnmarshalText([]byte(strings.TrimSpace(text))) != nil {
		return "", fmt.Errorf("%.60q is not a minisign public key: want the line that begins with RW",
			strings.TrimSpace(text))
	}
	lines := strings.Fields(k.String()) // a comment may precede
	return Key(lines[len(lines)-1]), nil
}

// Fingerprint formats a key for people: its id, as minisign shows it, and the end of the key.
// Anybody can make a key with the same id.
func (k Key) Fingerprint() string {
	var p minisign.PublicKey
	if p.UnmarshalText([]byte(k)) != nil {
		return string(k)
	}
	return fmt.Sprintf("%s (%s)", k.ID(), string(k))
}

// ID is the short id of a key, as minisign shows it. It is not unique: anybody can choose it.
func (k Key) ID() string {
	var p minisign.PublicKey
	if p.UnmarshalText([]byte(k)) != nil {
		return ""
	}
	return fmt.Sprintf("%016X", p.ID())
}

// ErrSignature says that a signature does not match the key and the message.
var ErrSignature = errors.New("the signature does not match")

// KeyID returns the key id in a signature, which proves nothing.
func KeyID(signature []byte) (uint64, error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return 0, errors.New("the signature is not one of minisign")
	}
	return s.KeyID, nil
}

// Verify verifies a signature of a message.
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

// GenerateKey makes a key pair. The private key is encrypted, unless the password is empty.
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

// IsEncrypted reports whether a private key needs a password.
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
