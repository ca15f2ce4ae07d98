// The census: which issues exist. It finds what no search by "updated" shows: deletions, and issues
// that come back with an old "updated".
//
// One split for each project requests only ids, in large pages, by the walk over created, which
// loses nothing while data changes. The result is compared with what earlier runs have delivered:
//
//   - An id is new, or was not read completely because it vanished meanwhile, and its "updated" is
//     too old
// for this run's walk over updates. The issue was restored, or is visible again. It is read in
// full.
//   - An id is missing. It is requested by id. If it is found, it moved, or does not match the
//     filter
// any more. If not, it was deleted, or the account may not see it. Only Data Center tells these two
// apart.
//
// A walk may deliver an issue after the census of its run has looked, and an issue may be deleted
// between the two. So the delivered ids are those of the last census and those that walks have
// delivered since; walks keep these in their cursors. Splits end in any order, so a deletion may
// reach the sink before its issue. Then the next census finds that id delivered and missing, and
// deletes it again.
//
// An issue may be edited, be hidden during the walk over updates, and be visible again before the
// census: the next walk begins after that edit. So a census keeps the ids of the issues it met that
// were updated in the range of this run's walk and before the range of the next. Those that no walk
// delivered count as not delivered for the next census, which reads them in full. Presence and time
// come from one reply: Data Center returns the time with each id. Cloud has long pages only without
// fields. So issues that were not updated are requested as bare ids, and then the updated ones with
// their time.

package jira

import (
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	censusKind   = "census"
	censusStream = "census"
)

// The states of an issue.
const (
	statePresent    = "present"
	stateDeleted    = "deleted"
	stateArchived   = "archived"    // with its project
	stateTrashed    = "trashed"     // with its project, which is in the trash
	stateAccessLost = "access_lost" // it exists, but this account may not see it
	stateUnobserved = "unobserved"  // so many are missing that a deletion is unlikely
	// stateElsewhere: the issue exists and is not in this project's census. It moved, or does not
	// match the filter. Records call it present.
	stateElsewhere = "elsewhere"
	// stateDisputed: two censuses have different results for the issue.
	stateDisputed = "disputed"
)

// stateGone is the status of a project that the server no longer lists. The other states of
// projects are also states of their issues.
const stateGone = "gone"

func censusStreams() []entry {
	return []entry{{
		Stream: sdk.Stream{
			Name: censusStream,
			Doc: "Issues whose state has changed: present, deleted, archived, trashed, access_lost or " +
				"unobserved; the first run gives all that are present.",
			Schema:     schemaOf(censusStream),
			PrimaryKey: []string{"id"},
			Cursor:     "as_of",
			Optional:   true,
		},
		kind: censusKind,
		from: "/search, /search/jql, /issue/bulkfetch, /issue/{id}, /project",
		cost: "2 a project, on Cloud 4, and, per 1,000 issues, 1 to 10 on Data Center, less than 1 on Cloud; 1 per " +
			"100 issues that are missing or new",
	}}
}

// censusPart is what is known about a project's census when it is planned.
type censusPart struct {
	AsOf   int64  `json:"as_of"`            // the server's time, epoch milliseconds
	Status string `json:"status,omitempty"` // of the project; "": live
	// Since: this run's walks deliver what was updated from then on. 0: they read the whole
	// project.
	Since int64 `json:"since,omitempty"`
	// Baseline: earlier runs delivered the project's issues, but did not record which.
	Baseline bool        `json:"baseline,omitempty"`
	Before   censusState `json:"before"`
	// Walked are the ids that walks have delivered since.
	Walked idSet `json:"walked,omitempty"`
	// Unsure are those that were not read completely, or that another project's census deleted.
	Unsure idSet `json:"unsure,omitempty"`
	// Known are the versions that the walk over updates leaves out, because earlier runs delivered
	// them.
	Known []mark `json:"known,omitempty"`
}

// censusState is the result of a census, for the next one.
type censusState struct {
	Present idSet `json:"present,omitempty"`
	// Open are the ids of Present that no run is known to have delivered.
	Open   idSet            `json:"open,omitempty"`
	Absent map[string]idSet `json:"absent,omitempty"` // by state
	// Gone are the issues that this census found deleted, and those that an earlier census found
	// deleted and that are in Open again. A walk of the same run may have delivered one, before or
	// after.
	Gone idSet `json:"gone,omitempty"`
	// Edited are the issues with an "updated" that the walk of this run covers and the next one
	// does not.
	Edited idSet `json:"edited,omitempty"`
}

// empty reports whether there is no issue to look for.
func (s censusState) empty() bool { return len(s.Present) == 0 && len(s.Absent) == 0 }

// absent returns all ids that earlier censuses did not find and that nobody deleted.
func (s censusState) absent() idSet {
	var all idSet
	for _, ids := range s.Absent {
		all = append(all, ids...)
	}
	return idsOf(all)
}

// state returns the state of an issue; "": unknown.
func (s censusState) state(id uint64) string {
	if s.Present.has(id) {
		return statePresent
	}
	for state, ids := range s.Absent {
		if ids.has(id) {
			return state
		}
	}
	return ""
}

// censusCursor is the position of a census.
type censusCursor struct {
	censusState
	Anchor int64 `json:"anchor,omitempty"`
	// Pass is the number of the current walk over ids; see censusReader.passes.
	Pass int `json:"pass,omitempty"`
	// Walked: all ids were met.
	Walked bool `json:"walked,omitempty"`
	// Back are the issues that came back and are still to be read; nil: unknown yet.
	Back *idSet `json:"back,omitempty"`
	Done bool   `json:"done,omitempty"`
	// Met are the issues that this census delivered, by project, as in the cursors of walks.
	Met map[string]idSet `json:"met,omitempty"`
	// Vanished are the issues of Met that were not read completely.
	Vanished idSet `json:"vanished,omitempty"`
	// Lacking is as in the cursors of walks.
	Lacking lackSet `json:"lacking,omitempty"`
}
