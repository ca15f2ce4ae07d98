// Summarization: from description and comments to the title.

package llm

const (
	minTitle   = 10 // characters
	minLetters = 5  // minimum letters and digits of a title; shorter ones occur in any text
)

func (w *work) summarize() error {
	const task = taskSummarization
	title := w.title()
	want := wanted{plain: squeezed(w.is.title), written: squeezed(title)}
	switch {
	case chars(title) < minTitle || min(chars(want.plain), chars(want.written)) < minLetters:
		return w.none(task, "title too short")
	case w.description == "":
		return w.none(task, "no description")
	case want.in(w.is.description, w.description):
		return w.none(task, "title in the description")
	}
	// Comments that contain the title are removed, because they reveal the answer.
	thread := make([]post, 0, len(w.thread))
	for _, p := range w.thread {
		if want.in(p.body, p.text) {
			w.count("comments dropped/title in a comment", 1)
			continue
		}
		thread = append(thread, p)
	}
	input := w.document("", thread)
	switch {
	case w.textLength() < w.t.MinChars || chars(input) < w.t.MinChars:
		return w.none(task, "text too short")
	case want.within(input):
		return w.none(task, "title in the text")
	}
	return w.emit(example{
		task:        task,
		instruction: "Write a title for this issue: one line that says what it is about.",
		input:       truncateChars(input, w.t.MaxChars),
		output:      title,
	})
}
