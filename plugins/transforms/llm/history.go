// History: the issue at its creation and at its fix. An incomplete history gives neither, because
// the missing part may contain any change. Such an issue gives no task that needs them.

package llm

import (
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

// atCreation returns the first value of a field: the old value of its first change, or else the
// current value.
func (is *issue) atCreation(field, now string) string {
	for _, c := range is.changes {
		if c.field == field {
			return clean(c.from)
		}
	}
	return now
}

// titleAtCreation returns the original title.
func (is *issue) titleAtCreation() string {
	return strings.Join(strings.Fields(is.atCreation("summary", is.title)), " ")
}

// descriptionAtCreation returns the original description. The history has it as a string.
func (is *issue) descriptionAtCreation() markup.Node {
	for _, c := range is.changes {
		if c.field == "description" {
			return is.parse(clean(c.from))
		}
	}
	return is.description
}

// componentsAtCreation undoes the changes of the components.
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

// fixedWords are resolutions that mean a solved problem.
var fixedWords = [...]string{"fixed", "done", "resolved", "complete", "completed", "implemented", "delivered", "solved"}

func isFix(resolution string) bool {
	return slices.Contains(fixedWords[:], strings.ToLower(strings.TrimSpace(resolution)))
}

// fixedAt returns when the issue was last resolved as fixed, if it still is: from the history, or
// from the resolution date without one.
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
