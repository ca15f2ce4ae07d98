// Parts: the data of a split, for the process that reads it and for the plans of later runs.

package jira

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/lists"
	"github.com/scrapekit/scrapekit/sdk"
)

// part is the data of a split.
type part struct {
	Kind     string   `json:"kind,omitempty"` // see kinds
	Scope    string   `json:"scope"`          // site and filter; see Source.scope
	Streams  []string `json:"streams"`
	Projects []string `json:"projects,omitempty"`
	// Floor is the watermark minus the overlap, in whole minutes. The next run requests what was
	// updated from then on.
	Floor int64 `json:"floor"`
	// Run numbers the runs from 1: splits with one number were planned together.
	Run int `json:"run,omitempty"`
	// Account: the run was logged in.
	Account bool `json:"account,omitempty"`
	// Every: every stream is selected, which means all that this account may see. A refused stream
	// is then not missing.
	Every bool `json:"every,omitempty"`

	// A full part: one project, created in [From, To). 0 leaves a side open.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	// Again: earlier runs may have delivered its issues, of this project or of one that is not
	// listed any more.
	Again bool `json:"again,omitempty"`

	// An update part: where each group of projects continues, and the versions that are known
	// there.
	Since []since `json:"since,omitempty"`
	Known []mark  `json:"known,omitempty"`

	// Why is the reason for leaving out the project of a part.
	Why string `json:"why,omitempty"`

	// An again part: issues that were delivered without some of their parts.
	Lacking lackSet `json:"lacking,omitempty"`

	// A user part: the record.
	User json.RawMessage `json:"user,omitempty"`

	// A feed part: the cursor of the last run.
	Feed json.RawMessage `json:"feed,omitempty"`

	// A list part: see the package lists.
	List   *lists.Part `json:"list,omitempty"`
	Census *censusPart `json:"census,omitempty"`
}

// since is a group of projects that continue from the same floor of an earlier run.
type since struct {
	Projects []string `json:"projects,omitempty"`
	Floor    int64    `json:"floor"`
}

func (p part) updates() bool { return len(p.Since) > 0 }

// scope names what a plan reads, to find out whether an earlier run read the same: the site and the
// filter.
func (s *Source) scope() string {
	sum := sha256.Sum256([]byte(s.base.String() + "\n" + s.JQL + "\n" + strconv.FormatInt(s.since, 10)))
	return hex.EncodeToString(sum[:8])
}

// done is a split of an earlier run.
type done struct {
	part
	id     string
	cursor []byte // its last one
}

// earlier decodes the splits of earlier runs that read the same scope.
func (s *Source) earlier(p sdk.Plan) ([]done, error) {
	scope := s.scope()
	var all []done
	for _, split := range p.Previous {
		d := done{id: split.ID, cursor: split.Cursor}
		if err := json.Unmarshal(split.Data, &d.part); err != nil {
			return nil, sdk.Permanent(fmt.Errorf("split %s of an earlier run: %w; start over with --full", split.ID,
				err))
		}
		if d.Scope == scope {
			all = append(all, d)
		}
	}
	return all, nil
}

// nextRun returns the number of the run that is planned after these splits.
func nextRun(previous []done) int {
	last := 0
	for _, d := range previous {
		last = max(last, d.Run)
	}
	return last + 1
}

// sameKind returns the splits of the kind of p that read at least its streams.
func sameKind(previous []done, p part) []done {
	var same []done
	for _, d := range previous {
		missing := func(stream string) bool { return !slices.Contains(d.Streams, stream) }
		if d.Kind == p.Kind && !slices.ContainsFunc(p.Streams, missing) {
			same = append(same, d)
		}
	}
	return same
}

func decodeCursor(raw []byte) (cursor, error) {
	var c cursor
	if len(raw) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("cursor: %w", err)
	}
	return c, nil
}

// covers reports whether the part contains a project.
func (p part) covers(project string) bool { return slices.Contains(p.Projects, project) }
