// The plugin and its settings.

package llm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// Config are the settings in a pipeline file.
type Config struct {
	Format        string            `json:"format,omitempty" default:"messages" enum:"messages,instruct" doc:"Form of the task records: messages (chat) or instruct (instruction, input, output). One form in a stream, never both."`
	Issues        []string          `json:"issues,omitempty" default:"[\"issues\"]" doc:"Streams whose records are normalised issues. Each gives documents and tasks."`
	Documents     []string          `json:"documents,omitempty" default:"[\"documents\"]" doc:"Streams whose records are normalised documents. Each record gives a document in pretrain."`
	Tasks         []string          `json:"tasks,omitempty" default:"[\"summarization\",\"classification\",\"question_answering\"]" enum:"summarization,classification,question_answering" doc:"Tasks to derive from each issue."`
	Targets       []string          `json:"targets,omitempty" default:"[\"type\",\"priority\"]" enum:"type,priority,component,resolution" doc:"What classification predicts, each in a record of its own."`
	Labels        map[string]string `json:"labels,omitempty" doc:"Table from issue types to labels, for classification. Types that it does not name give no record."`
	Pretrain      bool              `json:"pretrain,omitempty" default:"true" doc:"Also write the stream pretrain: the whole issue as one document."`
	Pseudonymise  bool              `json:"pseudonymise,omitempty" default:"true" doc:"Replace people by pseudonyms such as user_1, and e-mail addresses by <email>."`
	Salt          string            `json:"salt,omitempty" sensitive:"true" doc:"Secret that makes a person's pseudonym the same in all issues. Without it pseudonyms count from 1 in each issue."`
	DropBots      bool              `json:"drop_bots,omitempty" default:"true" doc:"Leave out comments of bots."`
	Bots          []string          `json:"bots,omitempty" default:"[\"ASF GitHub Bot\",\"githubbot\",\"ASF subversion and git services\",\"jira-bot\",\"Hadoop QA\",\"hadoopqa\",\"genericqa\",\"Hudson\",\"hudson\",\"Apache Spark\",\"apachespark\",\"ASF Jira Bot\",\"asfjirabot\",\"Jenkins\",\"Automation for Jira\"]" doc:"Accounts that are bots: full names or display names."`
	BotPatterns   []string          `json:"bot_patterns,omitempty" default:"[\"* bot\",\"*-bot\",\"*_bot\",\"*[bot]*\",\"*github-bot*\",\"*botmanager*\",\"bors-*\",\"k8s-*\",\"*jenkins*\",\"travis-ci*\",\"*-ci\",\"*-build\",\"*-service-account\"]" doc:"Bots by pattern: * stands for any text; case does not matter."`
	MinChars      int               `json:"min_chars,omitempty" default:"200" min:"0" doc:"Shortest text of description and comments, in characters, that makes a document or a summary."`
	MaxChars      int               `json:"max_chars,omitempty" default:"100000" min:"0" doc:"Longest text of a record, in characters. A longer text is cut, with a mark. 0: no limit."`
	TruncateLines int               `json:"truncate_lines,omitempty" default:"80" min:"0" doc:"Longer code and logs are cut to this many lines: three quarters from their beginning and one from their end, with a mark between. 0: no limit."`
	Split         Shares            `json:"split,omitempty" default:"{\"train\":98,\"validation\":1,\"test\":1}" doc:"Shares of the splits. An issue and all its records are in one split, and so are issues that a Duplicate link joins; a link added later may move an issue to another split."`
}

// Shares are the relative sizes of the data set's splits.
type Shares struct {
	Train      float64 `json:"train,omitempty" min:"0" doc:"Share of the split train."`
	Validation float64 `json:"validation,omitempty" min:"0" doc:"Share of the split validation."`
	Test       float64 `json:"test,omitempty" min:"0" doc:"Share of the split test."`
}

const about = `Makes training records of issues: documents for pre-training, and the tasks summarization, classification and
question answering, derived only from what the issue holds. It reads normalised issues, whatever source they come from:
their form is sdk/normal/issue.json, and that of documents sdk/normal/document.json. Wiki markup and ADF become
Markdown, bots are dropped, people become pseudonyms. An issue that cannot give a record gives none; the report
counts why.`

// The output streams.
const (
	pretrainStream = "pretrain"
	messagesStream = "messages"
	instructStream = "instruct"
)

// Plugin returns the transform.
func Plugin() sdk.Plugin {
	return sdk.TransformPlugin(sdk.Info{
		Name:    "llm",
		Version: "0.1.0",
		Doc:     about,
		Streams: []sdk.Stream{streamOf(pretrainStream), streamOf(messagesStream), streamOf(instructStream)},
	}, func(_ context.Context, c Config) (sdk.Transform, error) { return newTransform(c) })
}

// transform has the parsed settings. It is immutable.
type transform struct {
	Config
	bots   bots
	labels map[string]string // by type in lower case
}

func newTransform(c Config) (*transform, error) {
	if c.Split.Train+c.Split.Validation+c.Split.Test <= 0 {
		return nil, sdk.Permanent(errors.New(
			"split: all shares are 0: give at least one of train, validation and test"))
	}
	if c.MaxChars > 0 && c.MaxChars < c.MinChars {
		return nil, sdk.Permanent(fmt.Errorf("max_chars %d is less than min_chars %d", c.MaxChars, c.MinChars))
	}
	if !c.Pretrain && len(c.Tasks) == 0 {
		return nil, sdk.Permanent(errors.New("nothing to make: set pretrain, or name tasks"))
	}
	t := &transform{Config: c, bots: newBots(c.Bots, c.BotPatterns)}
	if len(c.Labels) > 0 {
		t.labels = make(map[string]string, len(c.Labels))
		// Sorted, so that of two spellings of one type the same one always wins.
		for _, from := range slices.Sorted(maps.Keys(c.Labels)) {
			t.labels[strings.ToLower(from)] = c.Labels[from]
		}
	}
	return t, nil
}

// OutStreams replaces issues and documents by the output streams.
func (t *transform) OutStreams(_ context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	var out []sdk.Stream
	add := func(name string) {
		if !slices.ContainsFunc(out, func(s sdk.Stream) bool { return s.Name == name }) {
			out = append(out, streamOf(name))
		}
	}
	for _, s := range in {
		form := t.formOf(s.Name)
		if form == other {
			out = append(out, s)
			continue
		}
		if t.Pretrain {
			add(pretrainStream)
		}
		if form == issues && len(t.Tasks) > 0 {
			add(t.Format)
		}
	}
	return out, nil
}

// form is the format of a stream's records.
type form int

const (
	other     form = iota // passed through
	issues                // normalised issues
	documents             // normalised documents, if the transform uses them
)

func (f form) String() string { return [...]string{"other", "issues", "documents"}[f] }

func (t *transform) formOf(stream string) form {
	switch {
	case slices.Contains(t.Issues, stream):
		return issues
	case t.Pretrain && slices.Contains(t.Documents, stream):
		return documents
	}
	return other
}

func (t *transform) wants(task string) bool { return slices.Contains(t.Tasks, task) }
