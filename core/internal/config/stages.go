// Stages: the source, transform and sink blocks.

package config

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/sdk"
)

// stage is a source, transform or sink block that is being read.
type stage struct {
	block *hclsyntax.Block
	kind  sdk.Kind
	title string // for messages: `source "jira"`
	name  string
	ref   BlockRef
	known bool // the plugin in ref exists
}

// stages reads all source, transform and sink blocks into the pipeline.
func (l *loader) stages(ctx context.Context, p *Pipeline, r root, required map[string]Requirement) {
	l.needBlock(sdk.KindSource, r.sources)
	l.needBlock(sdk.KindSink, r.sinks)
	var all []stage
	for _, group := range []struct {
		kind   sdk.Kind
		blocks []*hclsyntax.Block
	}{{sdk.KindSource, first(r.sources)}, {sdk.KindTransform, r.transforms}, {sdk.KindSink, r.sinks}} {
		for _, b := range group.blocks {
			if s, ok := l.stage(group.kind, b, required); ok {
				all = append(all, s)
			}
		}
	}
	l.checkStageNames(all)
	var refs []BlockRef
	for _, s := range all {
		if s.known {
			refs = append(refs, s.ref)
		}
	}
	plugins := l.describe(ctx, refs)
	places := map[string]stage{}
	for _, s := range all {
		b, settings := l.readStage(s, plugins[s.ref])
		l.checkPlace(places, s, settings)
		l.build(ctx, s, settings)
		switch s.kind {
		case sdk.KindSource:
			p.Source = b
		case sdk.KindTransform:
			p.Transforms = append(p.Transforms, b)
		case sdk.KindSink:
			p.Sinks = append(p.Sinks, b)
		}
	}
}

// needBlock reports that a file has no block of a kind.
func (l *loader) needBlock(kind sdk.Kind, blocks []*hclsyntax.Block) {
	if len(blocks) > 0 {
		return
	}
	hint := fmt.Sprintf("add %s \"NAME\" { … }", kind)
	if l.options.Names != nil {
		hint += "; there are: " + strings.Join(slices.Sorted(slices.Values(l.options.Names(kind))), ", ")
	}
	l.failGiven(hint, "pipeline file %s: it has no %s block", l.file, kind)
}

// stage reads the type and labels of a block.
func (l *loader) stage(kind sdk.Kind, b *hclsyntax.Block, required map[string]Requirement) (stage, bool) {
	if len(b.Labels) == 0 || len(b.Labels) > 2 || b.Labels[0] == "" {
		l.fail(b.DefRange(), fmt.Sprintf(`write %s "PLUGIN" { … }, or %s "PLUGIN" "NAME" { … }`, kind, kind),
			"a %s block needs a label: the name of its plugin", kind)
		return stage{}, false
	}
	s := stage{block: b, kind: kind, name: stageName(b.Labels[0])}
	s.title = fmt.Sprintf("%s %q", kind, b.Labels[0])
	if len(b.Labels) == 2 {
		s.name += "." + b.Labels[1]
		s.title += fmt.Sprintf(" %q", b.Labels[1])
		if !regexp.MustCompile(named).MatchString(b.Labels[1]) {
			l.fail(b.LabelRanges[1], "letters, digits, _ . and -, at most 100", "%s: %q cannot be a name", s.title,
				b.Labels[1])
		}
	}
	s.ref, s.known = l.reference(kind, b, required)
	return s, true
}

// checkStageNames reports stages with equal names, because state is kept by name.
func (l *loader) checkStageNames(all []stage) {
	seen := map[string]stage{}
	for _, s := range all {
		before, twice := seen[s.name]
		if !twice {
			seen[s.name] = s
			continue
		}
		hint := fmt.Sprintf("the first is at %s; give one of them a name of its own: %s %q \"NAME\" { … }",
			l.pos(before.block.TypeRange), s.kind, s.block.Labels[0])
		l.fail(s.block.DefRange(), hint, "a second stage with the name %q", s.name)
	}
}

// readStage reads the body of a block with the description of its plugin.
func (l *loader) readStage(st stage, plugin described) (Block, settings) {
	b := Block{
		Kind: st.kind, Type: st.ref.Type, Name: st.name, Path: st.ref.Path, Attached: st.ref.Attached,
		Info:   plugin.info,
		Source: st.ref.Source, Version: st.ref.Version, Digest: st.ref.Digest,
		Pos: l.pos(st.block.TypeRange),
	}
	settings := l.settings(st, l.schemaOf(st, plugin))
	l.checkPaths(st, plugin)
	b.Config = settings.raw

	s := l.section(st.title, st.block.Body)
	b.Streams = l.selection(s, plugin.info)
	b.HTTP = l.http(st, s.bare("http"), settings, plugin.info.Robots)
	b.Files = l.files(st, s.bare("files"))
	b.OnError = l.onError(st, s.bare("on_error"))
	p, asked := l.grant(st, plugin.info, s.bare("grant"), b.HTTP, settings.implied)
	b.HTTP.Allow = unionOrigins(b.HTTP.Allow, l.grantedOrigins(st, p.HTTP))
	b.Read, b.Write, b.Dial = p.FSRead, p.FSWrite, p.Dial
	b.AsksDial = asked.Dial
	if st.kind == sdk.KindSource && b.HTTP.Methods == nil {
		b.HTTP.Methods = slices.Compact(slices.Sorted(slices.Values(slices.Concat(readMethods, p.Methods))))
	}
	b.Paths = settings.files
	s.endBlocks(settings.names)
	return b, settings
}

// schemaOf returns the schema of a plugin's settings; nil if the plugin is unknown or invalid.
func (l *loader) schemaOf(st stage, plugin described) *schema {
	at := st.block.LabelRanges[0]
	switch {
	case !st.known:
		return nil
	case plugin.err != nil:
		l.fail(at, "", "%s: %v", st.title, plugin.err)
		return nil
	case plugin.info.Kind != st.kind:
		l.fail(at, "", "%s: the plugin is a %s", st.title, plugin.info.Kind)
		return nil
	}
	s, err := newSchema(plugin.info.Config)
	if err != nil {
		l.fail(at, "this is a fault of the plugin, not of the pipeline file",
			"%s: the plugin's schema of its settings: %v", st.title, err)
		return nil
	}
	return s
}

// checkPaths reports a published plugin with more path settings than when it was installed.
func (l *loader) checkPaths(st stage, plugin described) {
	if st.ref.Digest == "" || plugin.err != nil || l.options.Paths == nil {
		return
	}
	paths, err := artifact.PathsOf(plugin.info)
	if more := paths.Minus(l.options.Paths(st.ref)); err == nil && !more.IsZero() {
		err = fmt.Errorf("when it was installed it did not %s", strings.Join(more.Lines(), ", nor "))
	}
	if err != nil {
		l.fail(st.block.LabelRanges[0], "scrapekit plugins verify",
			"%s: the plugin differs from what was installed: %v", st.title, err)
	}
}

// selection reads `select { streams = [...] }`.
func (l *loader) selection(s *section, info sdk.Info) []string {
	b := s.bare("select")
	if b == nil {
		return nil
	}
	inner := l.section(s.title+": select", b.Body)
	streams, at := inner.texts("streams", `streams = ["issues"]`)
	inner.end()
	if b.Body.Attributes["streams"] != nil && streams != nil && len(streams) == 0 {
		l.fail(at, `write "*" to select all`, "%s: no stream is selected", s.title)
	}
	var names []string
	for _, stream := range info.Streams {
		names = append(names, stream.Name)
	}
	for i, name := range streams {
		if slices.Contains(streams[:i], name) {
			l.fail(at, "", "%s: the stream %q is selected twice", s.title, name)
		}
		if name == "*" {
			continue
		}
		if info.Kind == sdk.KindSource && len(names) > 0 && !slices.Contains(names, name) {
			l.warn(at, didYouMean(name, names), "%s: the plugin has no stream %q", s.title, name)
		}
	}
	return streams
}

// files reads `files { … }`.
func (l *loader) files(st stage, b *hclsyntax.Block) Files {
	if b == nil {
		return Files{}
	}
	if st.kind != sdk.KindSource {
		l.fail(b.TypeRange, "", "%s: only a source has files to keep", st.title)
	}
	s := l.section(st.title+": files", b.Body)
	out := Files{Path: s.needed("path", b.DefRange()), MaxSize: s.size("max_size", 256<<20)}
	s.end()
	if out.Path != "" {
		out.Path = l.resolve(out.Path)
	}
	return out
}

// onError reads `on_error { … }`.
func (l *loader) onError(st stage, b *hclsyntax.Block) OnError {
	out := OnError{MaxRejects: -1}
	if b == nil {
		return out
	}
	s := l.section(st.title+": on_error", b.Body)
	out.MaxRejects = int64(s.whole("max_rejects", -1, -1))
	out.Attempts = s.whole("attempts", 0, 1)
	out.Patience = s.duration("patience", 0)
	if st.kind == sdk.KindSource {
		out.MaxIdle = s.whole("max_idle", 0, -1)
	}
	s.end()
	return out
}

// readMethods are the methods that a source may use without a grant.
var readMethods = []string{http.MethodGet, http.MethodHead}
