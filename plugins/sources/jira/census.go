// The census: which issues exist. It finds what no search for updates shows: deletions, and issues
// that come back with an old "updated".
//
// One split a project asks for nothing but ids, in big pages, by the walk over created that loses
// nothing while data changes. What it finds is held against what earlier runs have delivered:
//
//   - An id that is new, or was not read whole because it vanished meanwhile, and whose "updated"
//     is too old for this run's walk over updates: the issue was restored, or is visible again. It
//     is read in full.
//   - An id that is missing is requested by itself. If it is found, it moved, or does not match the
//     filter any more. If not, it was deleted, or the account may not see it. Only Data Center
//     tells these two apart.
//
// A walk may deliver an issue after the census of its run has looked, and an issue may be deleted
// between the two. So the delivered ids are those of the last census and those that walks have
// delivered since; walks keep these in their cursors. Splits end in any order, so a deletion may
// reach the sink before its issue: the next census then finds that id delivered and missing, and
// deletes it again.
//
// An issue may be edited, be hidden during the walk over updates, and be visible again before the
// census: the next walk begins after that edit. So a census keeps the ids of the issues it met that
// were updated in the range of this run's walk and before the range of the next. Those that no walk
// delivered count as not delivered for the next census, which reads them in full. Presence and time
// come from one reply: Data Center gives the time with each id. Cloud has long pages only without
// fields, so issues that were not updated are asked for by bare id, and then the updated ones with
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
	stateUnobserved = "unobserved"  // too many are missing to believe that they were deleted
	// stateElsewhere is an issue that exists and is not in this project's census: it moved, or does
	// not match the filter. Records call it present.
	stateElsewhere = "elsewhere"
	// stateDisputed is an issue for which two censuses have different results.
	stateDisputed = "disputed"
)

// stateGone is the status of a project that the server no longer lists. The other states of
// projects are states of their issues.
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

// censusPart is what the split of a project's census knows in advance.
type censusPart struct {
	AsOf   int64  `json:"as_of"`            // the server's time, epoch milliseconds
	Status string `json:"status,omitempty"` // of the project; "": live
	// Since: what was updated from then on, this run's walks deliver. 0: they read the whole
	// project.
	Since int64 `json:"since,omitempty"`
	// Baseline: earlier runs delivered what is there and kept no account of it.
	Baseline bool        `json:"baseline,omitempty"`
	Before   censusState `json:"before"`
	// Walked are the ids that walks have delivered since.
	Walked idSet `json:"walked,omitempty"`
	// Unsure are those that were not read whole, or that another project's census deleted.
	Unsure idSet `json:"unsure,omitempty"`
	// Known are the versions that the walk over updates leaves out, because earlier runs delivered
	// them.
	Known []mark `json:"known,omitempty"`
}

// censusState is the result of a census, for the next one.
type censusState struct {
	Present idSet `json:"present,omitempty"`
	// Open are those of Present that, as far as is known, no run has delivered.
	Open   idSet            `json:"open,omitempty"`
	Absent map[string]idSet `json:"absent,omitempty"` // by state
	// Gone is what this census found deleted, and what earlier ones did and is back in Open. A walk
	// of the same run may have delivered it, before or after.
	Gone idSet `json:"gone,omitempty"`
	// Edited are those with an "updated" that the walk of this run covers and the next one does
	// not.
	Edited idSet `json:"edited,omitempty"`
}

// empty reports whether there is no issue to look for.
func (s censusState) empty() bool { return len(s.Present) == 0 && len(s.Absent) == 0 }

// absent returns all ids that earlier censuses missed and nobody deleted.
func (s censusState) absent() idSet {
	var all idSet
	for _, ids := range s.Absent {
		all = append(all, ids...)
	}
	return idsOf(all)
}

// state is what an issue was; "": not known.
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
	// Pass is the walk over ids that is under way; see censusReader.passes.
	Pass int `json:"pass,omitempty"`
	// Walked: all ids are met.
	Walked bool `json:"walked,omitempty"`
	// Back are those that came back and are still to be read; nil: that is not known yet.
	Back *idSet `json:"back,omitempty"`
	Done bool   `json:"done,omitempty"`
	// Met are those that this census delivered, by project as in the cursors of walks.
	Met map[string]idSet `json:"met,omitempty"`
	// Vanished are those of them that were not read whole.
	Vanished idSet `json:"vanished,omitempty"`
	// Lacking are as in the cursors of walks.
	Lacking lackSet `json:"lacking,omitempty"`
}
