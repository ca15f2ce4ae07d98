// Package install brings published plugins onto this machine: it decides which version a pipeline
// file means, whether to believe what is published, what a user is to be asked, and writes the lock
// file.
//
// # The order of verification
//
// Each step relies on those before it, and none is left out for any kind of source.
//
//  1. What the lock file has is fetched by its digest, and nothing else is asked for. What it has not is looked for among the published
//     versions: the newest that the constraint allows, prereleases only where it names one; its tag is resolved to a digest.
//  2. Sizes are bounded, digests compared, types checked (packages artifact and remote).
//  3. The signature: the statement of the publisher names this source, this version, this index, and the digests for every
//     platform; its key is one that is accepted ([policy]). A key that changed is an error that shows both.
//  4. Rollback: a version lower than that of the lock file, or the same version with another content, is refused; the former can be
//     asked for by an exact constraint.
//  5. The user is asked, if the plugin wants to be allowed what it was not before, takes more settings for paths, or has a name that
//     looks like another's; and once on each machine if a lock file has it that came with somebody else's work, unless that lock
//     file is to be followed as it stands. Nothing of the plugin has run by then.
//  6. The archive for the platform is fetched by its digest and unpacked: one program, no links, no paths. The program's digest is
//     compared with the statement and with the lock file.
//  7. The program goes into the store by its digest, read-only.
//  8. It is started in the sandbox, without anything that it asks for, and must say of itself what the statement says.
//  9. The lock file is written.
//
// At every start of a run the program is hashed again, and compared with the lock file (package
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

// Installer installs plugins for the pipeline files of one folder. Its fields are set once; its
// methods are called by one goroutine.
type Installer struct {
	LockFile string
	KeysFile string
	Store    *store.Store
	Settings Settings
	// Mirror is a source in whose place everything is got from another; "": as the settings say.
	Mirror string
	// Open opens a source; relative folders start at that of the lock file.
	Open func(s artifact.Source) (remote.Remote, error)
	// Describe starts a program in the sandbox, if it has the digest, and returns what it says of
	// itself.
	Describe func(ctx context.Context, path, digest string) (sdk.Info, error)
	// Protocol is the version of the plugin protocol that this program speaks.
	Protocol int
	// Shipped are the names of the plugins that are a part of scrapekit.
	Shipped []string
	// Platforms are those to install for; the first one's program is described if it is that of
	// this machine.
	Platforms []artifact.Platform
	// Consent is asked with every plan that needs it; its error ends the installation.
	Consent func(ctx context.Context, p *Plan) error
	// Note says what is being done, a line at a time.
	Note func(line string)
	Now  func() time.Time
}

// Demand is a plugin that pipeline files want.
type Demand struct {
	Source     string
	Constraint string
	Where      string // such as "jira.hcl:4"; "": a person asked for it
}

// Action is what becomes of a plugin.
type Action string

// The actions.
const (
	Kept      Action = "kept"      // it is locked and here
	Fetched   Action = "fetched"   // it is locked, and comes onto this machine
	Added     Action = "added"     // it was not locked
	Updated   Action = "updated"   // its version rises
	Downgrade Action = "downgrade" // its version falls, because the pipeline file says exactly which it wants
)

// Change is what becomes of one plugin.
type Change struct {
	Demand
	Action Action
	Before lock.Plugin // its zero value: it was not locked
	After  lock.Plugin
	// FirstUse: nobody has vouched for the key of its publisher; it is believed because no other is
	// known.
	FirstUse bool
	// Vouched: the key was given by the user.
	Vouched bool
	// Unseen: the lock file has it, which may be somebody else's, and nothing of its publisher was
	// installed on this machine before.
	Unseen bool
	// More and Less are what it asks for beyond what it was granted before, and no longer.
	More, Less sdk.Permissions
	// MorePaths and LessPaths are the settings that name files, and did not before, and those that
	// do no longer.
	MorePaths, LessPaths artifact.Paths
	// LooksLike are known names of which its own could be a forgery.
	LooksLike []string
	Sizes     map[artifact.Platform]int64 // of its archives

	asLocked  bool // nobody was to be asked
	remote    remote.Remote
	release   *artifact.Release
	statement artifact.Statement
}

// Plan is what becomes of all plugins.
type Plan struct{ Changes []*Change }

// NeedsConsent are the changes about which a user is to be asked.
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

// Changes reports whether the lock file changes by it.
func (c *Change) Changes() bool { return !c.After.Equal(c.Before) }
