// The token: the files that the sink answers for, with their sizes at the commit.

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
	Series string `json:"series"`        // path below the root, without the number
	N      int    `json:"n,omitempty"`   // 0: the file has no number
	Size   int64  `json:"size"`          // bytes in the file
	Base   int64  `json:"base"`          // bytes in the file before the sink wrote to it
	New    bool   `json:"new,omitempty"` // the sink created the file
	Run    string `json:"run"`           // the last run that wrote to the file
	// Shared: another program has appended to the file, and the sink continued after that.
	Shared bool `json:"shared,omitempty"`

	begun bool // written to since Open, and noted in the journal
}

// path is the file's path below the root, with forward slashes.
func (f *file) path() string { return numbered(f.Series, f.N) }

// check refuses a path that leads out of the output folder.
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
	Aside   string `json:"aside,omitempty"` // id of the last aside, which is replaced completely
}

const tokenVersion = 1

func (t token) encode() (sdk.Token, error) { return json.Marshal(t) }

// id identifies a token in the journal.
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
