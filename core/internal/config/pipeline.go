// The pipeline block: settings of the whole run, and the third-party plugins.

package config

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Defaults of the pipeline block.
const (
	defaultConcurrency = 8
	defaultCommitEvery = 5 * time.Second
	defaultCommitBytes = 64 << 20
	defaultMaxSpool    = 16 << 30
	defaultKeptRuns    = 1000
	defaultKeptRejects = 90 * 24 * time.Hour
	defaultKeptReplies = 30 * 24 * time.Hour
)

// maxConcurrency bounds the splits that are read in parallel. Each takes memory in the host and in
// the source.
const maxConcurrency = 1000

// named matches valid names of pipelines and stages, which become names of folders.
const named = `^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`

// pipelineBlock reads the pipeline block, if there is one, and returns its required plugins.
func (l *loader) pipelineBlock(p *Pipeline, blocks []*hclsyntax.Block) map[string]Requirement {
	body := &hclsyntax.Body{}
	if len(blocks) > 0 {
		body = blocks[0].Body
		if len(blocks[0].Labels) > 0 {
			l.fail(blocks[0].LabelRanges[0], `write pipeline { name = "…" }`, "the pipeline block has no label")
		}
	}
	s := l.section("pipeline", body)
	p.Name = s.name()
	p.StateDir = filepath.Join(cmp.Or(l.options.StateDir, filepath.Join(l.dir, ".scrapekit")), p.Name)
	if l.options.Replay {
		p.StateDir = filepath.Join(p.StateDir, "replay")
		l.out = filepath.Join(p.StateDir, "out")
	}
	p.Concurrency = s.wholeBetween("concurrency", defaultConcurrency, 1, maxConcurrency,
		"it is how many splits are read at once; more of them make no server faster")
	p.CommitEvery = s.duration("commit_every", defaultCommitEvery)
	p.CommitBytes = s.size("commit_bytes", defaultCommitBytes)
	p.MaxSpool = s.size("max_spool", defaultMaxSpool)
	p.Sandbox = s.sandbox()
	l.sandbox = p.Sandbox
	p.Retention = l.retention(s.bare("retention"))
	plugins := l.requiredPlugins(s.bare("required_plugins"))
	s.end()
	return plugins
}

// retention reads `retention { … }`.
func (l *loader) retention(b *hclsyntax.Block) Retention {
	body := &hclsyntax.Body{}
	if b != nil {
		body = b.Body
	}
	s := l.section("pipeline: retention", body)
	r := Retention{
		Runs: s.whole("runs", defaultKeptRuns, 1), Rejects: s.age("rejects", defaultKeptRejects),
		Replies: s.age("cache", defaultKeptReplies),
	}
	s.end()
	return r
}

// sandbox reads the level of the sandbox.
func (s *section) sandbox() string {
	level := s.text("sandbox")
	if level != "" && !slices.Contains(s.options.Levels, level) {
		s.fail(s.body.Attributes["sandbox"].Expr.Range(),
			joinLines(didYouMean(level, s.options.Levels), "there are "+strings.Join(s.options.Levels, ", ")),
			"pipeline: %q is not a level of the sandbox", level)
	} else if slices.Contains(s.options.Loose, level) {
		s.warn(s.body.Attributes["sandbox"].Expr.Range(),
			"leave it out, or give --sandbox, if you do not know why it is there; see `scrapekit doctor`",
			"pipeline: the file asks for the sandbox level %q: its programs run with all your rights, also when "+
				"`validate` asks them what they are", level)
	}
	return level
}

// name returns the given name of the pipeline, or that of the file.
func (s *section) name() string {
	if name := s.text("name"); name != "" {
		if !regexp.MustCompile(named).MatchString(name) {
			s.fail(s.body.Attributes["name"].Expr.Range(), "letters, digits, _ . and -, at most 100",
				"pipeline: the name names a folder, and cannot be %q", name)
		}
		return name
	}
	name := strings.TrimSuffix(filepath.Base(s.file), ".hcl")
	if strings.Trim(name, ".") == "" {
		s.failGiven(`write pipeline { name = "…" } in it`,
			"pipeline file %s: its file name cannot be the name of the pipeline", s.file)
	}
	return name
}
