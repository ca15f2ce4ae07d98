// Package config turns a pipeline file (HCL) into checked values. It is the first step of a run:
// its result is complete, and correct as far as that can be checked without running anything. It
// reports all errors of the file at once, each with its line and a hint.
//
// A block of the file has two readers. Its attributes are the plugin's settings and are checked
// against the plugin's JSON Schema. The nested blocks select, http and on_error belong to the host.
//
// Values from env(), file(), sensitive() or a sensitive variable carry a mark through every
// expression. No diagnostic shows such a value. [Pipeline.Secrets] lists those in use, so that
// everything else that prints can leave them out too.
package config

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

// Options are what Load needs beyond the file.
type Options struct {
	// Vars are the variables of the command line, unparsed.
	Vars map[string]string
	// Lookup describes a plugin. It is called once for each plugin, concurrently for several.
	Lookup func(ctx context.Context, b BlockRef) (sdk.Info, error)
	// Names lists the first-party plugins of a kind.
	Names func(kind sdk.Kind) []string
	// Build creates a plugin with settings that its schema allows, and ends it again, if that is
	// immediate and has no effect. Its error says what the schema cannot. It is called once for
	// each block; nil: no such check.
	Build func(ctx context.Context, b BlockRef, settings json.RawMessage) error
	// Program returns the executable to use instead of the absolute path in a block; nil: the path
	// itself.
	Program func(path string) string
	// Attached maps names of stages to the sockets of plugins that already run.
	Attached map[string]string
	// Getenv is os.LookupEnv, or a test's replacement.
	Getenv func(name string) (string, bool)
	// Installed returns the program of a published plugin that the file requires; nil: none is
	// installed. A program is not started if its digest differs.
	Installed func(r Requirement) (Program, error)
	// Granted returns what a plugin was granted at its installation; nil: nothing.
	Granted func(b BlockRef) sdk.Permissions
	// Paths returns the settings of a published plugin that named files when it was installed; nil:
	// not checked.
	Paths func(b BlockRef) artifact.Paths
	// Own are further folders of the user that no setting may open to a plugin.
	Own []string
	// Levels are the levels of the sandbox. Loose are those without confinement by the kernel.
	Levels, Loose []string
	// StateDir is the parent folder of pipelines' states; "": .scrapekit beside the file.
	StateDir string
	// Replay keeps state and outputs apart from those of the pipeline, in the folder "replay" of
	// its state.
	Replay bool
}

// BlockRef identifies the plugin of a block.
type BlockRef struct {
	Kind sdk.Kind
	Type string // the block's label
	Path string // the executable of a third-party plugin, absolute; "" for a first-party one

	Attached bool // Path is the socket of a plugin that already runs
	// Source, Version and Digest identify a published plugin and its program. "" for others.
	Source, Version, Digest string
	// Sandbox is the level in the file; "": none.
	Sandbox string
}

// Pipeline is a checked pipeline file.
type Pipeline struct {
	File     string // as it was given to Load
	Dir      string // absolute folder of the file; relative paths in the file are relative to it
	Name     string
	StateDir string // Dir/.scrapekit/Name, or the folder replay in it

	Sandbox string // level of the sandbox in the file; "": none

	Concurrency int           // splits read in parallel
	CommitEvery time.Duration // the longest time between two commits
	CommitBytes int64         // the most bytes between two commits
	MaxSpool    int64         // the most bytes of spool files on disk
	Retention   Retention

	Source     Block
	Transforms []Block // in the order of the file, which is that of the data flow
	Sinks      []Block

	// Secrets are the sensitive strings in use, longest first. Those shorter than 4 bytes are left
	// out, because hiding them would make every line unreadable.
	Secrets []string
	// Late are the secrets that the run obtains on first use.
	Late []Secret
}

// Retention says how long the state keeps what no run needs.
type Retention struct {
	Runs    int           // number of newest runs, with their reports and dead letters
	Rejects time.Duration // age of dead letters of older runs, from the end of the run
	Replies time.Duration // age of cached replies, from their last use
}

// Block is a source, transform or sink of the pipeline.
type Block struct {
	Kind    sdk.Kind
	Type    string // the label in the file
	Name    string // unique in the pipeline: "jsonl", or "jsonl.archive" with a second label
	Path    string // the executable of a third-party plugin, absolute; "" for a first-party one
	Source  string // the name of a published plugin; "" for others
	Version string // the version of a published plugin that is installed; "" for others
	// Attached says that Path is the socket of a plugin that already runs.
	Attached bool
	Digest   string            // required digest of the executable; "": any
	Config   json.RawMessage   // settings as the plugin receives them, with secrets: never print them
	Streams  []string          // selected streams; nil: all
	HTTP     httppolicy.Policy // the file's part; the host adds its own
	Files    Files
	OnError  OnError
	Read     []string      // absolute paths of files and folders that the plugin may read
	Write    []string      // and of those that it may also write
	Paths    []PathSetting // the settings that name them
	Dial     []string      // addresses to which the host opens TCP connections for it; see sdk.Permissions
	AsksDial []string      // all addresses that the plugin asks for; no others can be granted
	Pos      string        // "jira.hcl:12"
	Info     sdk.Info
}

// Files is where the host keeps files for a plugin.
type Files struct {
	Path    string // absolute; "": none
	MaxSize int64  // of one file, in bytes
}

// OnError says which failures of a stage end it.
type OnError struct {
	MaxRejects int64 // rejected records that are tolerated; -1: any number
	Attempts   int   // tries of a split or batch; 0: not set
	// Patience is the least total time of the tries; 0: not set.
	Patience time.Duration
	// MaxIdle bounds the cursors in a row without a new record; 0: not set, -1: unlimited. For a
	// source.
	MaxIdle int
}

// Secret is a value that a run obtains: from a command, or from the system's keyring.
type Secret struct {
	StandIn string // its placeholder in the texts of credentials
	Title   string // for messages: `secret "token" (jira.hcl:3)`

	Exec    []string      // command that prints it; nil: it is in the keyring
	Dir     string        // working directory of the command
	TTL     time.Duration // 0: valid until a host refuses it
	Timeout time.Duration // of the command

	Service, User string // of the keyring
}

// Requirement is a plugin that a file requires.
type Requirement struct {
	Name       string // in the file
	Source     string // as written in the file
	Constraint string // on the version; "": any
	Path       string // absolute path of the program; "": a published plugin
	Pos        string // "jira.hcl:4"
	at         hcl.Range
}

// Program is the installed program of a published plugin.
type Program struct {
	Path    string
	Digest  string // "sha256:…"; "": not checked
	Version string
	Warning string // a warning for the user; "": none
}
