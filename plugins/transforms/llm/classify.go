// Classification: from the report at its creation to one of its fields.

package llm

import (
	"strings"
)

const minReport = 20 // minimum characters of prose in a report

// questions are the instructions, by target.
var questions = map[string]string{
	"type":       "Which type of issue is this? Answer with the type alone.",
	"priority":   "Which priority does this issue have? Answer with the priority alone.",
	"component":  "Which components does this issue concern? Answer with their names alone, separated by commas.",
	"resolution": "How will this issue be resolved? Answer with the resolution alone.",
}

func (w *work) classify() error {
	report, prose := w.report()
	for _, target := range w.t.Targets {
		if err := w.classifyAs(target, report, prose); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) classifyAs(target, report string, prose int) error {
	heading := taskClassification + " of " + target
	value := w.valueOf(target)
	switch {
	case !w.is.historyKnown: // so neither the report nor the field at creation is known
		return w.none(heading, "history not complete")
	case value == "" && target == "resolution":
		return w.none(heading, "not resolved")
	case value == "":
		return w.none(heading, "not set at creation")
	case prose < minReport:
		return w.none(heading, "description too short")
	}
	input := dropEchoes(report, value)
	if target == "type" && w.t.labels != nil {
		if value = w.t.labels[strings.ToLower(value)]; value == "" {
			return w.none(heading, "type not in the table of labels")
		}
		input = dropEchoes(input, value)
	}
	return w.emit(example{
		task: taskClassification, target: target,
		instruction: questions[target],
		input:       truncateChars(input, w.t.MaxChars),
		output:      value,
	})
}

// valueOf returns the value to predict: the one at creation, or the final one for the resolution.
func (w *work) valueOf(target string) string {
	switch target {
	case "type":
		return w.is.atCreation("type", w.is.kind)
	case "priority":
		return w.is.atCreation("priority", w.is.priority)
	case "component":
		return strings.Join(w.is.componentsAtCreation(), ", ")
	case "resolution":
		return w.is.resolution
	}
	return ""
}

// echoNames are names of fields after which reporters repeat a label.
var echoNames = wordSet("type issuetype priority severity component components resolution kind category")

// dropEchoes removes the label from a report where it is a label: in a line such as "Type: Bug",
// and at the beginning of the title, as in "[Bug] …".
func dropEchoes(report, value string) string {
	title, body, _ := strings.Cut(report, "\n")
	title = dropPrefix(title, value)
	if body == "" {
		return title
	}
	want := squeezed(value)
	kept := make([]string, 0, strings.Count(body, "\n")+1)
	for line := range strings.SplitSeq(body, "\n") {
		if !echo(line, want) {
			kept = append(kept, line)
		}
	}
	return title + "\n" + strings.Join(kept, "\n")
}

// echo reports whether a line is a field's name, a colon and the label.
func echo(line, want string) bool {
	name, value, ok := strings.Cut(line, ":")
	if !ok || len(name) > 40 {
		return false
	}
	return echoNames[squeezed(name)] && squeezed(value) == want
}

// dropPrefix removes "[Bug]" or "Bug:" from the beginning of a title.
func dropPrefix(title, value string) string {
	rest, _ := strings.CutPrefix(title, "# ")
	trimmed := strings.TrimLeft(rest, "[( ")
	if len(trimmed) <= len(value) || !strings.EqualFold(trimmed[:len(value)], value) {
		return title
	}
	after := trimmed[len(value):]
	if !strings.ContainsAny(after[:1], "]):") {
		return title
	}
	if after = strings.TrimLeft(after, "]):- "); after == "" {
		return title
	}
	return "# " + after
}
