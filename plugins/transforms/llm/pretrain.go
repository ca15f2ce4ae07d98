// Pretrain: the whole issue as one document.

package llm

// The limits follow those for issues of The Stack. Limits for web pages would drop half of all
// issues, which consist of code, logs and short lines.
const (
	soloMaxChars  = 7000 // longest text of an issue with a single author
	soloMaxEvents = 10   // most posts of such an issue
)

func (w *work) pretrain() error {
	who := w.participants()
	length := w.textLength()
	events := len(w.thread)
	if w.description != "" {
		events++
	}
	switch {
	case length == 0:
		return w.none(taskPretrain, "no text")
	case length < w.t.MinChars:
		return w.none(taskPretrain, "text too short")
	case w.is.alone:
	case len(who) < 2 && length > soloMaxChars:
		return w.none(taskPretrain, "one person, text too long")
	case len(who) < 2 && events > soloMaxEvents:
		return w.none(taskPretrain, "one person, too many comments")
	}
	h := w.head(taskPretrain, "")
	w.count("records/pretrain", 1)
	w.count("splits/"+h.Split, 1)
	text := truncateChars(w.document(w.title(), w.thread), w.t.MaxChars)
	return w.out.add(pretrainStream, pretrainRecord{head: h, Text: text, Metadata: w.metadata(who)})
}

// none counts why an issue gives no record for a task.
func (w *work) none(task, why string) error {
	w.count("no "+task+"/"+why, 1)
	return nil
}

func (w *work) metadata(who []string) metadata {
	is := w.is
	m := metadata{
		Key: is.key, Project: is.project, Title: w.title(), Type: is.kind, Status: is.status, Priority: is.priority,
		Resolution: is.resolution,
		Labels:     w.rewriteAll(is.labels), Components: is.components, FixVersions: is.fixVersions,
		Versions: is.versions,
		Reporter: w.people.call(is.reporter), Participants: who,
		Created: stamp(is.created), Updated: stamp(is.updated), Resolved: stamp(is.resolved),
		Counts:  counts{Comments: len(w.thread), Participants: len(who), Attachments: is.attachments},
		Flavour: is.flavour, URL: is.url,
	}
	if len(is.assignee.identities()) > 0 {
		m.Assignee = w.people.call(is.assignee)
	}
	return m
}

// rewriteAll replaces names in labels, because anyone may put a name into one.
func (w *work) rewriteAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = w.people.rewrite(s)
	}
	return out
}
