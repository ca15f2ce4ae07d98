// Options of a plugin's test.

package plugintest

import (
	"errors"

	"github.com/scrapekit/scrapekit/sdk"
)

// Options say which plugin of the file is tested, and how.
type Options struct {
	// Plugin is the absolute path of a program, or the name of a first-party plugin.
	Plugin string
	// Checks are the names of the checks to run; nil: all.
	Checks []string
	// MaxResumes bounds the cursors of a split that are resumed from; 0: all.
	MaxResumes int
	// Records is the number of records that a transform is tested with (0: 200), and the most that
	// a source may have (0: 20,000).
	Records int
	Sink    SinkOptions
	// Begin receives the plugin's description, Done each result. Both may be nil.
	Begin func(sdk.Info)
	Done  func(Result)
}

// SinkOptions are what only the author of a sink knows.
type SinkOptions struct {
	// Place is a setting that names where the sink writes other than a path: a prefix of keys, a
	// table. Each check appends a name of its own. "": the sink writes files.
	Place string
	// Read is a program that prints the records of a stream in a folder, one JSON object a line.
	// Its arguments are the folder, the name of the stream and the place, if there is one. "": the
	// sink writes JSON Lines, to files with the stream's name in their paths.
	Read string
	// Replaces says that a run replaces the output of earlier ones. Keyed says that only the last
	// record with a key is kept.
	Replaces, Keyed bool
	Rounds          int // of the random walk; 0: 60
}

// ErrNotTested is the cause of a test that the options do not allow.
var ErrNotTested = errors.New("nothing is tested")
