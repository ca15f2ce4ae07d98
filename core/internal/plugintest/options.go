// Options: what somebody who tests a plugin says.

package plugintest

import (
	"errors"

	"github.com/scrapekit/scrapekit/sdk"
)

// Options say which plugin of the file is tested, and how.
type Options struct {
	// Plugin is the program, as an absolute path, or the name of a first-party plugin.
	Plugin string
	// Checks are the names of those to run; nil: all.
	Checks []string
	// MaxResumes is how many cursors of a split are resumed from; 0: all.
	MaxResumes int
	// Records is how many records a transform is tested with, 0: 200, and how many those of a
	// source may be at most, 0: 20,000.
	Records int
	Sink    SinkOptions
	// Begin is told what is tested, Done each result. Both may be nil.
	Begin func(sdk.Info)
	Done  func(Result)
}

// SinkOptions say what only the author of a sink knows.
type SinkOptions struct {
	// Place is a setting that names where the sink writes and is no path: the prefix of keys, a
	// table. Each check adds a name of its own to it. "": the sink writes to files.
	Place string
	// Read is a program that prints the records of a stream that are in a folder, one JSON object a
	// line: it is called with the folder, the name of the stream and, if there is one, the place.
	// "": the sink writes JSON Lines, to files in whose paths the stream's name is.
	Read string
	// Replaces says that a run replaces what earlier ones wrote, Keyed that of records with one key
	// only the last is there.
	Replaces, Keyed bool
	Rounds          int // of the random walk; 0: 60
}

// ErrNotTested is the cause of a test that the options do not allow.
var ErrNotTested = errors.New("nothing is tested")
