// Question answering: from the report to the comment with the solution.

package llm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/internal/markup"
)

const minAnswer = 20 // characters of prose

func (w *work) answer() error {
	const task = taskAnswering
	if !w.is.historyKnown { // a later edit may have added the answer
		return w.none(task, "history not complete")
	}
	report, prose := w.report()
	if prose < minReport {
		return w.none(task, "description too short")
	}
	fixed, ok := w.is.fixedAt()
	switch {
	case !ok && !isFix(w.is.resolution):
		return w.none(task, "not resolved as fixed")
	case !ok:
		return w.none(task, "time of the fix not known")
	case len(w.thread) == 0:
		return w.none(task, "no comments")
	}
	reporter := w.people.add(w.author())
	if reporter < 0 {
		return w.none(task, "reporter not known")
	}
	why := "no comment before the fix"
	for _, p := range slices.Backward(w.thread) {
		if p.created.After(fixed) || p.created.IsZero() {
			continue
		}
		if by := w.people.add(p.author); by < 0 || by == reporter || w.t.bots.match(p.author) {
			why = firstReason(why, "no comment by another than the reporter")
			continue
		}
		// A comment that only says that something was merged is no answer; the one before it may
		// be.
		if text := markup.PlainText(p.body, true); chars(text) < minAnswer {
			why = firstReason(why, "answer too short")
			continue
		} else if ceremony(text) {
			why = firstReason(why, "answer is a ceremony")
			continue
		}
		return w.emit(example{
			task:        task,
			instruction: "Answer this issue: explain the cause, or say how to solve it.",
			input:       truncateChars(report, w.t.MaxChars),
			output:      truncateChars(p.text, w.t.MaxChars),
		})
	}
	return w.none(task, why)
}

// firstReason keeps the latest reason, which is checked first.
func firstReason(have, reason string) string {
	if have == "no comment before the fix" {
		return reason
	}
	return have
}

// ceremonyMax is the length up to which a comment with the beginning of a ceremony is one.
const ceremonyMax = 160

// ceremonies are beginnings of comments that say that work was done, but not what.
var ceremonies = regexp.MustCompile(`(?i)^\W*(?:(?:hi|hey|hello|ok|okay|yes|great|nice|cool|awesome|@\S+)\W+)*` +
	`(?:lgtm|\+ ?1|ship it|thanks?|thank you|thx|ty|many ` +
	`thanks|merged?|merging|committed|pushed|landed|applied|cherry-?picked|backported|` +
	`fixed (?:in|by|via|with)|resolved (?:in|by|via|with)|issue resolved by|done\b|closing|closed|resolving|reopen|` +
	`integrated in|i(?:'ve| have)? (?:just )?(?:merged|committed|pushed)|will commit|patch (?:is ` +
	`)?(?:available|attached)|attached|` +
	`(?:opened|created|raised|submitted) (?:a |the )?(?:pr|pull request|patch)|pr\b|pull request|ci ` +
	`(?:run|results?)\b|ping\b|assigned|looks good)`)

// ceremony reports whether a text only says that work was done, or contains only links.
func ceremony(text string) bool {
	words := 0
	for word := range strings.FieldsSeq(text) {
		if !strings.Contains(word, "://") {
			words++
		}
	}
	return words < 4 || chars(text) <= ceremonyMax && ceremonies.MatchString(text)
}
