// The permissions and path settings that a plugin asks for, as blocks of a file.

package lock

import (
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
	"github.com/scrapekit/scrapekit/sdk"
)

// ReadAsked reads the blocks permissions and paths in b.
func ReadAsked(b *hclfile.Body) (sdk.Permissions, artifact.Paths) {
	var permissions sdk.Permissions
	if in := b.Block("permissions"); in != nil {
		permissions = sdk.Permissions{HTTP: in.Texts("http"), FSRead: in.Texts("fs_read"),
			FSWrite: in.Texts("fs_write"), Dial: in.Texts("dial"), Methods: in.Texts("methods")}
		if err := permissions.Check(); err != nil {
			in.Fail("", "%v", err)
		}
		in.Done()
	}
	var paths artifact.Paths
	if in := b.Block("paths"); in != nil {
		paths = artifact.Paths{Read: in.Texts("read"), Write: in.Texts("write")}
		if err := paths.Check(); err != nil {
			in.Fail("", "%v", err)
		}
		in.Done()
	}
	return permissions, paths
}

// WriteAsked writes the blocks, sorted, without empty parts.
func WriteAsked(w *hclfile.Writer, permissions sdk.Permissions, paths artifact.Paths) {
	type field struct {
		name    string
		entries []string
	}
	block := func(name string, fields ...field) {
		w.Blank()
		w.Block(name, "", func() {
			for _, f := range fields {
				if len(f.entries) > 0 {
					w.Texts(f.name, f.entries)
				}
			}
		})
	}
	if p := permissions.Or(sdk.Permissions{}); !p.IsZero() {
		block("permissions", field{"http", p.HTTP}, field{"fs_read", p.FSRead}, field{"fs_write", p.FSWrite},
			field{"dial", p.Dial}, field{"methods", p.Methods})
	}
	if p := paths.Or(artifact.Paths{}); !p.IsZero() {
		block("paths", field{"read", p.Read}, field{"write", p.Write})
	}
}
