// Records: the output, with its fields in the order of writing.

package llm

import (
	_ "embed"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// schemaVersion is the version of the records' format. It increases when a field is removed or
// changes its meaning.
const schemaVersion = 1

// The tasks.
const (
	taskPretrain       = "pretrain"
	taskSummarization  = "summarization"
	taskClassification = "classification"
	taskAnswering      = "question_answering"
)

// head has the first fields of every record.
type head struct {
	IssueID       string `json:"issue_id"`
	ID            string `json:"id"`
	Task          string `json:"task"`
	Target        string `json:"target,omitempty"` // classification only: the predicted field
	Issue         string `json:"issue"`
	Source        string `json:"source"`
	Split         string `json:"split"`
	SchemaVersion int    `json:"schema_version"`
}

// The three formats. Each stream has one of them.
type (
	pretrainRecord struct {
		head
		Text     string   `json:"text"`
		Metadata metadata `json:"metadata"`
	}
	messagesRecord struct {
		head
		Messages []message `json:"messages"`
	}
	message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	instructRecord struct {
		head
		Instruction string `json:"instruction"`
		Input       string `json:"input"`
		Output      string `json:"output"`
	}
)

// metadata describes the issue of a document.
type metadata struct {
	Key          string   `json:"key"`
	Project      string   `json:"project"`
	Title        string   `json:"title"`
	Type         string   `json:"type"`
	Status       string   `json:"status"`
	Priority     string   `json:"priority"`
	Resolution   string   `json:"resolution"`
	Labels       []string `json:"labels"`
	Components   []string `json:"components"`
	FixVersions  []string `json:"fix_versions"`
	Versions     []string `json:"versions"`
	Reporter     string   `json:"reporter"`
	Assignee     string   `json:"assignee"`
	Participants []string `json:"participants"`
	Created      string   `json:"created"`
	Updated      string   `json:"updated"`
	Resolved     string   `json:"resolved"`
	Counts       counts   `json:"counts"`
	Flavour      string   `json:"flavour"`
	URL          string   `json:"url"`
}

// counts are sizes of an issue.
type counts struct {
	Comments     int `json:"comments"`     // in the text
	Participants int `json:"participants"` // authors of the text
	Attachments  int `json:"attachments"`  // of the issue; the text has only their names
}

func (w *work) head(task, target string) head {
	issue := cmpOr(w.is.id, w.is.key)
	return head{
		IssueID: issue, ID: recordID(issue, task, target),
		Task: task, Target: target, Issue: w.is.key, Source: w.is.source, Split: w.t.splitOf(w.is),
		SchemaVersion: schemaVersion,
	}
}

func recordID(issue, task, target string) string {
	if target == "" {
		return issue + "/" + task
	}
	return issue + "/" + task + "/" + target
}

// example is a task record before formatting.
type example struct {
	task, target               string
	instruction, input, output string
}

// emit writes an example in the chosen format.
func (w *work) emit(e example) error {
	h := w.head(e.task, e.target)
	w.count("records/"+e.task, 1)
	w.count("splits/"+h.Split, 1)
	if w.t.Format == instructStream {
		return w.out.add(instructStream, instructRecord{h, e.instruction, e.input, e.output})
	}
	return w.out.add(messagesStream, messagesRecord{h, []message{
		{"user", e.instruction + "\n\n" + e.input},
		{"assistant", e.output},
	}})
}

// stamp formats a time; zero: "".
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// The schemas of the streams.
var (
	//go:embed schema/pretrain.json
	pretrainSchema []byte
	//go:embed schema/messages.json
	messagesSchema []byte
	//go:embed schema/instruct.json
	instructSchema []byte
)

// recordKey is the primary key of every stream. The issue comes first, so that one deletion removes
// all records of an issue.
var recordKey = []string{"issue_id", "id"}

// streamOf describes an output stream.
func streamOf(name string) sdk.Stream {
	s := sdk.Stream{Name: name, PrimaryKey: recordKey}
	switch name {
	case pretrainStream:
		s.Doc, s.Schema = "One document an issue: title, description and the whole thread as Markdown.", pretrainSchema
	case messagesStream:
		s.Doc, s.Schema = "One record a task: a chat of a user's message and the answer.", messagesSchema
	case instructStream:
		s.Doc, s.Schema = "One record a task: instruction, input and output.", instructSchema
	}
	return s
}
