// Refresh tokens that a server has replaced. The new token is kept in the state folder, because the
// server has revoked the one in the pipeline file.

package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/state"
)

// keptToken is the file with a replaced token. Its name is a hash of the pipeline file's token, so
// that a new token there takes effect at once.
type keptToken struct{ path string }

func newKeptToken(home state.Home, o credential.OAuth2) keptToken {
	sum := sha256.Sum256([]byte(strings.Join([]string{o.TokenURL, o.ClientID, o.RefreshToken}, "\x00")))
	return keptToken{filepath.Join(home.Tokens(), hex.EncodeToString(sum[:8]))}
}

// use calls f with the kept token ("": none), and keeps the one that f returns. It excludes other
// processes meanwhile: if two use one token, the server refuses the second.
func (k keptToken) use(ctx context.Context, f func(kept string) (next string, err error)) (err error) {
	if err := disk.MakeDir(filepath.Dir(k.path), 0o700); err != nil {
		return fmt.Errorf("folder for tokens: %w", err)
	}
	lock := flock.New(k.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return fmt.Errorf("another process holds the refresh token: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	kept, err := os.ReadFile(k.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("kept refresh token: %w", err)
	}
	next, err := f(string(kept))
	if err != nil || next == "" || next == string(kept) {
		return err
	}
	if err := disk.Replace(k.path, []byte(next), true); err != nil { // there is no other copy
		return fmt.Errorf("keep the refresh token that came with an access token: %w", err)
	}
	return nil
}
