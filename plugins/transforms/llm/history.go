// History: how an issue was when it was created, and when it was fixed. A history that the source
// could not get whole tells neither: any field may have changed in the part that is not there, so
// its issue gives no task that asks for them.

package llm

import (
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

// atCreation returns the value that a field had at first: what its first change changed from, or
// what it is now.
func (is *issue) atCreation(field, now string) string {
	for _, c := range is.changes {
		if c.field == field {
			return clean(c.from)
		}
	}
	return now
}

// titleAtCreation is the title that the issue was reported with.
func (is *issue) titleAtCreation() string {
	return strings.Join(strings.Fields(is.atCreation("summary", is.title)), " ")
}

// descriptionAtCreation is the description that the issue was reported with. The history holds it
// as a string.
func (is *issue) descriptionAtCreation() markup.Node {
	for _, c := range is.changes {
		if c.field == "description" {
			return is.parse(clean(c.from))
		}
	}
	return is.description
}

// componentsAtCreation walks the components back: what was added since goes, what was removed since
// returns.
func (is *issue) componentsAtCreation() []string {
	set := slices.Clone(is.components)
	for _, c := range slices.Backward(is.changes) {
		if c.field != "components" {
			continue
		}
		if c.to != "" {
			set = slices.DeleteFunc(set, func(s string) bool { return s == clean(c.to) })
		}
		if c.from != "" && !slices.Contains(set, clean(c.from)) {
			set = append(set, clean(c.from))
		}
	}
	slices.Sort(set)
	return set
}

// fixedWords are resolutions that say: the problem was solved.
var fixedWords = [...]string{"fixed", "done", "resolved", "complete", "completed", "implemented", "delivered", "solved"}

func isFix(resolution string) bool {
	return slices.Contains(fixedWords[:], strings.ToLower(strings.TrimSpace(resolution)))
}

// fixedAt returns when the issue was last resolved as fixed, if it is resolved so now: by the
// history, or by the date of resolution where there is no history.
func (is *issue) fixedAt() (time.Time, bool) {
	if !isFix(is.resolution) {
		return time.Time{}, false
	}
	for _, c := range slices.Backward(is.changes) {
		if c.field == "resolution" && isFix(c.to) {
			return c.at, !c.at.IsZero()
		}
	}
	return is.resolved, !is.resolved.IsZero()
}
