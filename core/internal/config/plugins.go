// Plugins: finds the executable for a block's label, and the plugin's description.

package config

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/sdk"
)

// isPath reports whether a label is the path of an executable.
func isPath(label string) bool { return strings.ContainsAny(label, `/\`) }

// executable makes the path of a plugin absolute. On Windows, .exe may be left out.
func (l *loader) executable(path string) string {
	path = l.resolve(path)
	if l.options.Program != nil {
		path = l.options.Program(path)
	}
	if _, err := os.Stat(path); err != nil && runtime.GOOS == "windows" && filepath.Ext(path) == "" {
		return path + ".exe"
	}
	return path
}

// reference returns the plugin of a block. If it is unknown, it reports that and ok is false.
func (l *loader) reference(kind sdk.Kind, b *hclsyntax.Block, required map[string]Requirement) (ref BlockRef, ok bool) {
	ref = BlockRef{Kind: kind, Type: b.Labels[0], Sandbox: l.sandbox}
	at := b.LabelRanges[0]
	if socket := l.options.Attached[attachedName(b)]; socket != "" {
		ref.Path, ref.Attached = socket, true
		return ref, true
	}
	if plugin, ok := required[ref.Type]; ok {
		if plugin.at == (hcl.Range{}) {
			return ref, false // reported already
		}
		if plugin.Path == "" {
			return l.installed(ref, plugin)
		}
		ref.Path, at = plugin.Path, plugin.at
	} else if isPath(ref.Type) {
		ref.Path = l.executable(ref.Type)
	}
	if ref.Path != "" {
		return ref, l.checkExecutable(ref, at)
	}
	if l.options.Names == nil || slices.Contains(l.options.Names(kind), ref.Type) {
		return ref, true
	}
	l.fail(at, l.hintForPlugin(ref, required), "there is no %s %q", kind, ref.Type)
	return ref, false
}

// attachedName returns the name of a block's stage.
func attachedName(b *hclsyntax.Block) string {
	return strings.Join(append([]string{stageName(b.Labels[0])}, b.Labels[1:]...), ".")
}

func (l *loader) checkExecutable(ref BlockRef, at hcl.Range) bool {
	info, err := os.Stat(ref.Path)
	switch {
	case err != nil:
		l.fail(at, fmt.Sprintf("looked for %s; a relative path starts at the folder of the pipeline file", ref.Path),
			"plugin %s: %v", ref.Type, reason(err))
	case !info.Mode().IsRegular():
		l.fail(at, "", "plugin %s: %s is not a regular file", ref.Type, ref.Path)
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		l.fail(at, "chmod +x "+ref.Path, "plugin %s: %s is not executable", ref.Type, ref.Path)
	default:
		return true
	}
	return false
}

// hintForPlugin suggests a plugin of another kind, or with a similar name.
func (l *loader) hintForPlugin(ref BlockRef, required map[string]Requirement) string {
	for _, kind := range []sdk.Kind{sdk.KindSource, sdk.KindTransform, sdk.KindSink} {
		if slices.Contains(l.options.Names(kind), ref.Type) {
			return fmt.Sprintf("%s is a %s: write %s %q { … }", ref.Type, kind, kind, ref.Type)
		}
	}
	names := slices.Concat(l.options.Names(ref.Kind), slices.Collect(maps.Keys(required)))
	return joinLines(didYouMean(ref.Type, names),
		"name a third party's plugin in pipeline { required_plugins { … } }, and your own there or by its path")
}

// described is the result of Lookup for a plugin.
type described struct {
	info sdk.Info
	err  error
}

// describe looks up all plugins in parallel, each once.
func (l *loader) describe(ctx context.Context, refs []BlockRef) map[BlockRef]described {
	out := map[BlockRef]described{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, ref := range slices.Compact(slices.SortedFunc(slices.Values(refs), compareRefs)) {
		wait.Go(func() {
			info, err := l.options.Lookup(ctx, ref)
			mu.Lock()
			defer mu.Unlock()
			out[ref] = described{info, err}
		})
	}
	wait.Wait()
	return out
}

func compareRefs(a, b BlockRef) int {
	return slices.Compare([]string{string(a.Kind), a.Type, a.Path}, []string{string(b.Kind), b.Type, b.Path})
}

// joinLines joins the lines that are not empty.
func joinLines(lines ...string) string {
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

// stageName returns the first part of a stage's name: the label, or the file name of a path.
func stageName(label string) string {
	if !isPath(label) {
		return label
	}
	name := label[strings.LastIndexAny(label, `/\`)+1:]
	return strings.TrimSuffix(name, ".exe")
}
