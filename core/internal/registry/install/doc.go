// Package install installs published plugins: it chooses the version for a pipeline file, verifies
// what is published, asks the user, and writes the lock file.
//
// # The order of verification
//
// Each step relies on those before it, and applies to every kind of source.
//
//  1. A locked plugin is fetched by its digest only. For others, the newest published version that
//     the constraint allows is chosen (prereleases only if it names one), and its tag is resolved
//     to a digest.
//  2. Sizes are bounded, digests compared, types checked (packages artifact and remote).
//  3. Signature: the publisher's statement names this source, version and index, and the digests
//     for every platform; its key is accepted ([policy]). A changed key is an error that shows
//     both.
//  4. Rollback: a version lower than the locked one, or the same version with other content, is
//     refused. An exact constraint allows the former.
//  5. The user is asked if the plugin asks for new permissions, has new path settings, or has a
//     name similar to another's; and once on each machine if the lock file, which may be from
//     somebody else, has a plugin that is new there, unless the lock file is to be followed
//     exactly. No code of the plugin has run by then.
//  6. The archive for the platform is fetched by digest and unpacked: one program, no links, no
//     paths. The program's digest is compared with the statement and the lock file.
//  7. The program goes into the store under its digest, read-only.
//  8. It is started in the sandbox without permissions, and its description must equal the
//     statement.
//  9. The lock file is written.
//
// At every start of a run, the program is hashed again and compared with the lock file (package
// pluginhost).
package install

import (
	"context"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk"
)

// Installer installs plugins for the pipeline files of one folder. Set its fields before use. One
// goroutine calls its methods.
type Installer struct {
	LockFile string
	KeysFile string
	Store    *store.Store
	Settings Settings
	// Mirror is a source from which everything is fetched instead; "": as in the settings.
	Mirror string
	// Open opens a source. Relative folders are relative to the lock file.
	Open func(s artifact.Source) (remote.Remote, error)
	// Describe starts a program with this digest in the sandbox and returns its description.
	Describe func(ctx context.Context, path, digest string) (sdk.Info, error)
	// Protocol is the version of the plugin protocol of this program.
	Protocol int
	// Shipped are the names of first-party plugins.
	Shipped []string
	// Platforms are the platforms to install for. The program of the first is started for its
	// description, if it is this machine's.
	Platforms []artifact.Platform
	// Consent is called with every plan that needs it. Its error ends the installation.
	Consent func(ctx context.Context, p *Plan) error
	// Note receives a line about each step.
	Note func(line string)
	Now  func() time.Time
}

// Demand is a plugin that pipeline files require.
type Demand struct {
	Source     string
	Constraint string
	Where      string // such as "jira.hcl:4"; "": a user asked for it
}

// Action is what happens to a plugin.
type Action string

// The actions.
const (
	Kept      Action = "kept"      // locked and installed
	Fetched   Action = "fetched"   // locked, to be installed
	Added     Action = "added"     // not locked before
	Updated   Action = "updated"   // to a newer version
	Downgrade Action = "downgrade" // to an older version that the pipeline file requires exactly
)

// Change is what happens to one plugin.
type Change struct {
	Demand
	Action Action
	Before lock.Plugin // zero: it was not locked
	After  lock.Plugin
	// FirstUse: the publisher's key is unconfirmed, and accepted because no other is known.
	FirstUse bool
	// Vouched: the user provided the key.
	Vouched bool
	// Unseen: the plugin is in the lock file, which may be from somebody else, but nothing by its
	// publisher was installed on this machine before.
	Unseen bool
	// More and Less are permissions that it asks for in addition to, or no longer of, those granted
	// before.
	More, Less sdk.Permissions
	// MorePaths and LessPaths are path settings that are new or gone.
	MorePaths, LessPaths artifact.Paths
	// LooksLike are known names that its own name resembles.
	LooksLike []string
	Sizes     map[artifact.Platform]int64 // of the archives, in bytes

	asLocked  bool // the lock file is followed exactly, so nobody is asked
	remote    remote.Remote
	release   *artifact.Release
	statement artifact.Statement
}

// Plan is what happens to all plugins.
type Plan struct{ Changes []*Change }

// NeedsConsent returns the changes that need the user's consent.
func (p *Plan) NeedsConsent() []*Change {
	var out []*Change
	for _, c := range p.Changes {
		if !c.More.IsZero() || len(c.LooksLike) > 0 || c.Unseen || c.Action != Added && !c.MorePaths.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

func (in *Installer) note(line string) {
	if in.Note != nil {
		in.Note(line)
	}
}

// Changes reports whether it changes the lock file.
func (c *Change) Changes() bool { return !c.After.Equal(c.Before) }
