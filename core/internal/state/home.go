// Package state has the layout of a pipeline's state: one folder, beside the pipeline file unless
// the user sets another. The packages that write a file there define its content.
package state

import "path/filepath"

// Home is the folder of a pipeline's state.
type Home string

// Dir is the folder itself.
func (h Home) Dir() string { return string(h) }

func (h Home) at(parts ...string) string {
	return filepath.Join(append([]string{string(h)}, parts...)...)
}

// Lock is the file that is locked while a process uses the state.
func (h Home) Lock() string { return h.at("lock") }

// Holder is the file with the current or last holder of the lock.
func (h Home) Holder() string { return h.at("holder.json") }

// Owner is the file with the name of the pipeline file.
func (h Home) Owner() string { return h.at("file") }

// Keeps reports whether a name in the folder identifies its user or owner, and so survives a reset.
func (h Home) Keeps(name string) bool {
	switch h.at(name) {
	case h.Lock(), h.Holder(), h.Owner():
		return true
	}
	return false
}

// Store is the database of runs, splits, cursors and tokens.
func (h Home) Store() string { return h.at("state.db") }

// Runs has a folder for each run, with its report, dead letters and crashes.
func (h Home) Runs() string { return h.at("runs") }

// Run is the folder of one run.
func (h Home) Run(id string) string { return h.at("runs", id) }

// Spool has data that exceeds the memory, during a run.
func (h Home) Spool() string { return h.at("spool") }

// Limits is the file with the learned limits of hosts.
func (h Home) Limits() string { return h.at("limits.json") }

// Tokens has the refresh tokens of credentials.
func (h Home) Tokens() string { return h.at("tokens") }

// Caches has a folder of cached replies for each stage.
func (h Home) Caches() string { return h.at("cache") }

// Cache is the folder of cached replies of a stage, given as kind and name: "source.jira".
func (h Home) Cache(stage string) string { return h.at("cache", stage) }

// Stages has the private folders of stages.
func (h Home) Stages() string { return h.at("stages") }

// Stage is the private folder of a stage, named as for Cache.
func (h Home) Stage(stage string) string { return h.at("stages", stage) }

// Replayed is a folder with output of a replay, such as "files".
func (h Home) Replayed(name string) string { return h.at(name) }
