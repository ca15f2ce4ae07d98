// The token: what the sink answers for, and how large it was at the commit.

package filesink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"

	"github.com/scrapekit/scrapekit/sdk"
)

// file is an output file. It is a line of the journal and an entry of the token.
type file struct {
	Series string `json:"series"`        // its path below the root, without a number
	N      int    `json:"n,omitempty"`   // its number; 0: it has none
	Size   int64  `json:"size"`          // bytes that are in it
	Base   int64  `json:"base"`          // bytes that were in it before
	New    bool   `json:"new,omitempty"` // it was not there before
	Run    string `json:"run"`           // the run that wrote to it last
	// Shared: somebody else has added to it, and the sink went on after that.
	Shared bool `json:"shared,omitempty"`

	begun bool // written to since Open, and the journal knows
}

// path is where the file is, below the root, with forward slashes.
func (f *file) path() string { return numbered(f.Series, f.N) }

// check refuses what would lead out of the output folder.
func (f *file) check() error {
	if !filepath.IsLocal(filepath.FromSlash(f.Series)) || path.Clean(f.Series) != f.Series {
		return fmt.Errorf("file %q is not in the output folder", f.Series)
	}
	if f.N < 0 || f.Base < 0 || f.Size < f.Base {
		return fmt.Errorf("file %q: impossible sizes", f.Series)
	}
	return nil
}

type token struct {
	Version int    `json:"v"`
	Mark    string `json:"mark,omitempty"` // of the folder
	Format  format `json:"format"`
	Files   []file `json:"files"`
	Aside   string `json:"aside,omitempty"` // the last that was set aside; all of it is replaced
}

const tokenVersion = 1

func (t token) encode() (sdk.Token, error) { return json.Marshal(t) }

// id tells a token from others in the journal.
func id(raw sdk.Token) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

func decodeToken(raw sdk.Token) (token, error) {
	var t token
	if raw == nil {
		return t, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("token: %w", err)
	}
	if t.Version != tokenVersion {
		return t, fmt.Errorf("token: format %d, this version knows %d: use the version that wrote it", t.Version,
			tokenVersion)
	}
	if t.Mark == "" && len(t.Files) > 0 {
		return t, errors.New("token: files without a folder's mark")
	}
	seen := map[string]bool{}
	for i := range t.Files {
		f := &t.Files[i]
		if err := f.check(); err != nil {
			return t, fmt.Errorf("token: %w", err)
		}
		if seen[f.path()] {
			return t, fmt.Errorf("token: file %q comes twice", f.path())
		}
		seen[f.path()] = true
	}
	return t, nil
}
