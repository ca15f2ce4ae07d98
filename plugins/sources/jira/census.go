// The census: which issues are there at all. It finds what no search for updates shows: deletions,
// and issues that come back as old as they were.
//
// One split a project asks for nothing but ids, in big pages, by the walk over created that loses
// nothing while data changes. What it finds is held against what earlier runs have delivered:
//
//   - An id that is new, or was not read whole because it vanished meanwhile, and whose "updated" is too old for this run's walk
//     over updates: restored, or visible again. It is read in full.
//   - An id that is missing is looked for directly. Found: it moved, or does not match the filter any more. Not found: it
//     was deleted, or the account may not see it, which only Data Center tells apart.
//
// A walk may deliver an issue after the census of its run has looked, and an issue may be deleted
// between the two. So what counts as delivered is the last census and, on top, the ids that walks
// have delivered since; they keep them in their cursors. Splits end in any order, so a deletion may
// reach the sink before the issue it is of: the next census finds that id delivered and missing,
// and deletes it again.
//
// An issue may be edited, be hidden while the walk over updates passes, and be back before the
// census does: the next walk begins behind that edit. So a census keeps the ids of the issues it
// met that were updated in the range of this run's walk and before the range of the next. Those
// that no walk delivered count as not delivered for the next census, which reads them in full.
// Presence and time are seen in one look: Data Center tells the time with each id; Cloud, whose
// pages are long only without any field, is asked for what was not updated by bare id, and then for
// what was, with its time.

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
	stateAccessLost = "access_lost" // it exists, and this account may not see it
	stateUnobserved = "unobserved"  // too many are missing to believe that they were deleted
	// stateElsewhere is an issue that exists and that this project's census does not meet: it
	// moved, or does not match the filter. To the outside it is present.
	stateElsewhere = "elsewhere"
	// stateDisputed is an issue of which two censuses told different things.
	stateDisputed = "disputed"
)

// stateGone is the status of a project that the server does not list any more; others are states of
// their issues.
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

// censusPart is what the split of a project's census knows beforehand.
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

// censusState is what a census leaves for the next one.
type censusState struct {
	Present idSet `json:"present,omitempty"`
	// Open are those of Present that, as far as is known, no run has delivered.
	Open   idSet            `json:"open,omitempty"`
	Absent map[string]idSet `json:"absent,omitempty"` // by state
	// Gone is what this census found deleted, and what earlier ones did and is back in Open. A walk
	// of the same run may have delivered it, before or after.
	Gone idSet `json:"gone,omitempty"`
	// Edited are those that were updated so that the walk of this run had to meet them, and the
	// next one will not.
	Edited idSet `json:"edited,omitempty"`
}

// empty reports whether there is nothing to look for.
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

// censusCursor is where a census stands.
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
