// Package state knows where the state of a pipeline lies: one folder, beside the pipeline file
// unless the user says otherwise. What is in each place is known by who keeps it.
package state

import "path/filepath"

// Home is the folder of a pipeline's state.
type Home string

// Dir is the folder itself.
func (h Home) Dir() string { return string(h) }

func (h Home) at(parts ...string) string {
	return filepath.Join(append([]string{string(h)}, parts...)...)
}

// Lock is locked as long as a process works on the state.
func (h Home) Lock() string { return h.at("lock") }

// Holder says which process holds the lock, or held it last.
func (h Home) Holder() string { return h.at("holder.json") }

// Owner names the pipeline file whose state this is.
func (h Home) Owner() string { return h.at("file") }

// Keeps reports whether a name in the folder is of those that say who uses it, and so outlast what
// is kept there.
func (h Home) Keeps(name string) bool {
	switch h.at(name) {
	case h.Lock(), h.Holder(), h.Owner():
		return true
	}
	return false
}

// Store is the database: runs, splits, cursors and tokens of sinks.
func (h Home) Store() string { return h.at("state.db") }

// Runs holds a folder for each run: its report, dead letters and what plugins printed as they died.
func (h Home) Runs() string { return h.at("runs") }

// Run is the folder of one run.
func (h Home) Run(id string) string { return h.at("runs", id) }

// Spool is for what does not fit into memory, while a run lasts.
func (h Home) Spool() string { return h.at("spool") }

// Limits is the file of what was learned of the limits of hosts.
func (h Home) Limits() string { return h.at("limits.json") }

// Tokens holds the refresh tokens of credentials.
func (h Home) Tokens() string { return h.at("tokens") }

// Caches holds the replies that are kept, in a folder for each stage.
func (h Home) Caches() string { return h.at("cache") }

// Cache is where the replies to one stage are kept. stage is its kind and name: "source.jira".
func (h Home) Cache(stage string) string { return h.at("cache", stage) }

// Stages holds the private folders of stages.
func (h Home) Stages() string { return h.at("stages") }

// Stage is the private folder of one stage, which is named as for Cache.
func (h Home) Stage(stage string) string { return h.at("stages", stage) }

// Replayed is a folder for what a replay makes: "files".
func (h Home) Replayed(name string) string { return h.at(name) }
