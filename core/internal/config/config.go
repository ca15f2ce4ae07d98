// Package config turns a pipeline file (HCL) into checked values. It stands at the top of a run:
// what it returns is complete and right as far as can be known without running anything, and what
// is wrong with the file it says all at once, each with its line and a hint.
//
// A block of the file has two readers. Its own attributes are the plugin's settings, checked
// against the JSON Schema that the plugin states; the nested blocks select, http and on_error are
// the host's.
//
// Values that come from env(), file(), sensitive() or a sensitive variable carry a mark through
// every expression. No diagnostic shows such a value, and [Pipeline.Secrets] lists those that are
// in use, so that everything else that prints can leave them out too.
package config

import (
	"context"
	"encoding/json"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

// Options say what Load needs beyond the file.
type Options struct {
	// Vars are the variables of the command line, as they were written there.
	Vars map[string]string
	// Lookup describes a plugin. It is called once for each plugin, for several at the same time.
	Lookup func(ctx context.Context, b BlockRef) (sdk.Info, error)
	// Names lists the first-party plugins of a kind.
	Names func(kind sdk.Kind) []string
	// Build makes a plugin of settings that its schema allows, and ends it again, if that can be
	// done at once and without any effect; its error says what the schema could not. It is called
	// once for each block; nil: nothing is tried.
	Build func(ctx context.Context, b BlockRef, settings json.RawMessage) error
	// Program returns the executable to use in the place of the one that a block names by its
	// absolute path; nil: each its own.
	Program func(path string) string
	// Attached are sockets of plugins that run already, by the names of their stages.
	Attached map[string]string
	// Getenv is os.LookupEnv, or a test's.
	Getenv func(name string) (string, bool)
	// Installed finds the program of a published plugin that the file requires; nil: there are
	// none. What it finds is not started unless it has the digest.
	Installed func(r Requirement) (Program, error)
	// Granted says what a plugin was granted at its installation; nil: nothing.
	Granted func(b BlockRef) sdk.Permissions
	// Paths says which settings of a published plugin named files when it was installed; nil: it is
	// not held to that.
	Paths func(b BlockRef) artifact.Paths
	// Own are folders of the user's beside those that are known here: no setting gives them to a
	// plugin.
	Own []string
	// Levels are those of the sandbox, and Loose those of them at which the kernel does not hold
	// plugins.
	Levels, Loose []string
	// StateDir is where the state of pipelines is kept; "": .scrapekit beside the file.
	StateDir string
	// Replay keeps state and outputs apart from those of the pipeline: in the folder "replay" of
	// its state.
	Replay bool
}

// BlockRef names the plugin that a block asks for.
type BlockRef struct {
	Kind sdk.Kind
	Type string // the block's label
	Path string // the executable of a third-party plugin, absolute; "" for a first-party one

	Attached bool // Path is the socket of one that runs already
	// Source, Version and Digest are those of a published plugin: its name, and what the program
	// must be. "" for others.
	Source, Version, Digest string
	// Sandbox is the level that the file asks for; "": none.
	Sandbox string
}

// Pipeline is a checked pipeline file.
type Pipeline struct {
	File     string // as it was given to Load
	Dir      string // the file's folder, absolute; relative paths in the file start here
	Name     string
	StateDir string // where the pipeline's state is kept: Dir/.scrapekit/Name, or the folder replay in it

	Sandbox string // how much plugins are confined, as the file says; "": it does not

	Concurrency int           // splits read at once
	CommitEvery time.Duration // the longest time between two commits
	CommitBytes int64         // the most bytes between two commits
	MaxSpool    int64         // the most bytes that are kept on disk until they are used
	Retention   Retention

	Source     Block
	Transforms []Block // in the order of the file, which is the order of the records' way
	Sinks      []Block

	// Secrets are the sensitive strings in use, the longest first. Shorter ones than 4 bytes are
	// left out: hiding them would make every line unreadable.
	Secrets []string
	// Late are the secrets that the run obtains when they are needed.
	Late []Secret
}

// Retention says what the state keeps of what no run needs.
type Retention struct {
	Runs    int           // the newest runs, with their reports and dead letters
	Rejects time.Duration // dead letters of older runs, since the last of a run
	Replies time.Duration // cached replies, since each was used last
}

// Block is a source, transform or sink of the pipeline.
type Block struct {
	Kind    sdk.Kind
	Type    string // the label in the file
	Name    string // unique in the pipeline: "jsonl", or "jsonl.archive" with a second label
	Path    string // the executable of a third-party plugin, absolute; "" for a first-party one
	Source  string // the name of a published plugin; "" for others
	Version string // the version of a published plugin that is installed; "" for others
	// Attached says that Path is the socket of a plugin that runs already.
	Attached bool
	Digest   string            // what the executable must be; "": whatever is there
	Config   json.RawMessage   // the settings as the plugin gets them, secrets included: never to be printed
	Streams  []string          // those selected; nil: all
	HTTP     httppolicy.Policy // what the file says; the host adds its own part
	Files    Files
	OnError  OnError
	Read     []string      // files and folders that the plugin may read, absolute
	Write    []string      // and those that it may write as well
	Paths    []PathSetting // the settings by which it may, of those
	Dial     []string      // addresses that the host opens TCP connections to for it; see sdk.Permissions
	AsksDial []string      // those of them, and others, that the plugin itself asks for: no other can be granted
	Pos      string        // "jira.hcl:12"
	Info     sdk.Info
}

// Files is where the host keeps what a plugin asks to keep.
type Files struct {
	Path    string // absolute; "": nowhere
	MaxSize int64  // of a file in bytes
}

// OnError says how many failures of a stage are too many.
type OnError struct {
	MaxRejects int64 // rejected records that are borne; -1: any number
	Attempts   int   // of a split or batch that fails; 0: not given
	// Patience is for how long that is tried at least; 0: not given.
	Patience time.Duration
	// MaxIdle is how many cursors in a row may bring no new record; 0: not given, -1: any number.
	// For a source.
	MaxIdle int
}
