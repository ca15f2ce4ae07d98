// Summarization: from description and comments to the title.

package llm

const minTitle = 10 // characters

func (w *work) summarize() error {
	const task = taskSummarization
	title := w.title()
	plain, written := folded(w.is.title), folded(title)
	switch {
	case chars(title) < minTitle:
		return w.none(task, "title too short")
	case w.description == "":
		return w.none(task, "no description")
	case w.repeats(w.description, plain, written):
		return w.none(task, "title in the description")
	}
	// A comment that repeats the title would give the answer away. It goes, the others stay.
	thread := make([]post, 0, len(w.thread))
	for _, p := range w.thread {
		if w.repeats(p.text, plain, written) {
			w.count("comments dropped/title in a comment", 1)
			continue
		}
		thread = append(thread, p)
	}
	input := w.document("", thread)
	switch {
	case w.textLength() < w.t.MinChars || chars(input) < w.t.MinChars:
		return w.none(task, "text too short")
	case w.repeats(input, plain, written):
		return w.none(task, "title in the text")
	}
	return w.emit(example{
		task:        task,
		instruction: "Write a title for this issue: one line that says what it is about.",
		input:       truncateChars(input, w.t.MaxChars),
		output:      title,
	})
}

// repeats reports whether a text holds the title, as it is or as it is written in records.
func (w *work) repeats(text, plain, written string) bool {
	return holds(text, plain) || holds(text, written)
}
