// Functions that expressions of a pipeline file can call. None depends on the time or on chance.

package config

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions returns all functions by name.
func (l *loader) functions() map[string]function.Function {
	all := l.unmetered()
	for name, cost := range costs {
		all[name] = l.metered(all[name], cost)
	}
	return all
}

// metered returns a function that charges its cost before each call.
func (l *loader) metered(f function.Function, cost func([]cty.Value) int64) function.Function {
	return function.New(&function.Spec{
		Params: f.Params(), VarParam: f.VarParam(), Type: f.ReturnTypeForValues,
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !l.budget.spend(cost(args)) {
				return cty.DynamicVal, errTooLarge
			}
			return f.Call(args)
		},
	})
}

func (l *loader) unmetered() map[string]function.Function {
	return map[string]function.Function{
		"env": l.envFunction(), "file": l.fileFunction(), "keyring": l.keyringFunction(),
		"sensitive": l.sensitiveFunction(), "nonsensitive": l.nonsensitiveFunction(),
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,

		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "csvdecode": stdlib.CSVDecodeFunc,
		"base64encode": textFunction(encodeBase64), "base64decode": textFunction(decodeBase64),

		"tostring": stdlib.MakeToFunc(cty.String), "tonumber": stdlib.MakeToFunc(cty.Number),
		"tobool": stdlib.MakeToFunc(cty.Bool),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"toset":  stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tomap":  stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),

		"upper": stdlib.UpperFunc, "lower": stdlib.LowerFunc, "title": stdlib.TitleFunc, "strlen": stdlib.StrlenFunc,
		"substr": stdlib.SubstrFunc, "strrev": stdlib.ReverseFunc, "chomp": stdlib.ChompFunc,
		"indent": stdlib.IndentFunc,
		"trim":   stdlib.TrimFunc, "trimspace": stdlib.TrimSpaceFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimsuffix": stdlib.TrimSuffixFunc,
		"split":      stdlib.SplitFunc, "join": stdlib.JoinFunc, "format": stdlib.FormatFunc,
		"formatlist": stdlib.FormatListFunc,
		"replace":    stdlib.ReplaceFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"regexreplace": stdlib.RegexReplaceFunc,

		"length": stdlib.LengthFunc, "element": stdlib.ElementFunc, "index": stdlib.IndexFunc,
		"slice":  stdlib.SliceFunc,
		"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc,
		"flatten": stdlib.FlattenFunc,
		"compact": stdlib.CompactFunc, "chunklist": stdlib.ChunklistFunc, "sort": stdlib.SortFunc,
		"reverse": stdlib.ReverseListFunc,
		"range":   stdlib.RangeFunc, "keys": stdlib.KeysFunc, "values": stdlib.ValuesFunc, "merge": stdlib.MergeFunc,
		"lookup": stdlib.LookupFunc, "zipmap": stdlib.ZipmapFunc, "coalesce": stdlib.CoalesceFunc,
		"coalescelist": stdlib.CoalesceListFunc,
		"setunion":     stdlib.SetUnionFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setsubtract": stdlib.SetSubtractFunc,
		"setproduct":  stdlib.SetProductFunc,

		"min": stdlib.MinFunc, "max": stdlib.MaxFunc, "abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc,
		"floor":    stdlib.FloorFunc,
		"parseint": stdlib.ParseIntFunc, "signum": stdlib.SignumFunc,
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc,
	}
}

// envFunction is env(name) and env(name, default). A value from the environment is sensitive, the
// default is not.
func (l *loader) envFunction() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String, AllowMarked: true}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String, AllowMarked: true, AllowNull: true},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, marks := args[0].Unmark()
			if len(args) > 2 {
				return cty.UnknownVal(cty.String), shownError("takes a name and at most one default")
			}
			text, ok := l.getenv(name.AsString())
			switch {
			case ok && !utf8.ValidString(text):
				return cty.UnknownVal(cty.String), shownError(nameOf(args[0]) + " is not valid UTF-8")
			case ok:
				l.budget.note(func() { l.secrets.addText(text, marked) })
				return cty.StringVal(text).Mark(sensitiveMark), nil
			case len(args) == 2:
				return args[1].WithMarks(marks), nil
			}
			return cty.UnknownVal(cty.String),
				shownError(fmt.Sprintf("the environment has no %s: set it, or give a default as the second argument",
					nameOf(args[0])))
		},
	})
}

// fileFunction is file(path): the text of a file, which is sensitive.
func (l *loader) fileFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path, _ := args[0].Unmark()
			raw, err := read(l.resolve(path.AsString()))
			if err == nil && !utf8.Valid(raw) {
				err = shownError("not valid UTF-8")
			}
			if err != nil {
				return cty.UnknownVal(cty.String),
					shownError(fmt.Sprintf("%s: %v (a relative path starts at the folder of the pipeline file)",
						nameOf(args[0]), err))
			}
			l.budget.note(func() { l.secrets.addText(string(raw), marked) })
			v := cty.StringVal(string(raw)).Mark(sensitiveMark)
			if othersRead(l.resolve(path.AsString())) {
				v = v.Mark(exposedMark)
			}
			return v, nil
		},
	})
}

// sensitiveFunction is sensitive(value): it marks its argument.
func (l *loader) sensitiveFunction() function.Function {
	return markFunction(func(v cty.Value) cty.Value {
		l.budget.note(func() { l.secrets.add(v, marked) })
		return v.Mark(sensitiveMark)
	})
}

// nonsensitiveFunction is nonsensitive(value): it removes the marks. With it the author of the file
// says that the value may be shown.
func (l *loader) nonsensitiveFunction() function.Function {
	return markFunction(func(v cty.Value) cty.Value {
		l.budget.note(func() { l.secrets.add(v, public) })
		standIns, _ := lateIn(v)
		plain, _ := v.UnmarkDeep()
		for _, s := range standIns { // a secret that is not obtained yet cannot be shown
			plain = plain.WithMarks(cty.NewValueMarks(lateMark(s), sensitiveMark))
		}
		return plain
	})
}

func markFunction(f func(cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{
			Name: "value", Type: cty.DynamicPseudoType, AllowMarked: true, AllowNull: true, AllowUnknown: true,
			AllowDynamicType: true,
		}},
		Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f(args[0]), nil },
	})
}

func textFunction(f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := f(args[0].AsString())
			return cty.StringVal(text), err
		},
	})
}

func encodeBase64(text string) (string, error) {
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

func decodeBase64(text string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", shownError("the text is not base64")
	}
	if !utf8.Valid(raw) {
		return "", shownError("what is encoded is not valid UTF-8")
	}
	return string(raw), nil
}

// nameOf quotes an argument for an error, unless it is sensitive.
func nameOf(arg cty.Value) string {
	if arg.IsMarked() {
		return "(sensitive name)"
	}
	return fmt.Sprintf("%q", arg.AsString())
}

// resolve makes a path of the file absolute, relative to the folder of the pipeline file, or to the
// home folder if it begins with ~/.
func (l *loader) resolve(path string) string {
	path = l.fromHome(filepath.FromSlash(path))
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.dir, path)
}

// fromHome replaces a leading ~ with the home folder. Otherwise a folder named "~" would be made,
// and removing it in a shell would remove the home folder.
func (l *loader) fromHome(path string) string {
	first, rest, below := strings.Cut(path, string(filepath.Separator))
	if !strings.HasPrefix(first, "~") || first != "~" && !below {
		return path // a name may begin with ~
	}
	home, known := l.getenv("HOME")
	if runtime.GOOS == "windows" {
		home, known = l.getenv("USERPROFILE")
	}
	switch {
	case first != "~":
		l.failPath(fmt.Sprintf("write the path of that user's home folder, or ./%s if the folder is called so", path),
			"%q: %s is a home folder only to a shell", path, first)
	case !known || !filepath.IsAbs(home):
		l.failPath("write the path from / on", "%q: ~ is the home folder, and HOME does not say which", path)
	default:
		return filepath.Join(home, rest)
	}
	return path
}

// failPath reports a path that cannot be used, once for each path.
func (l *loader) failPath(detail, summary string, args ...any) {
	said := fmt.Sprintf(summary, args...)
	if !slices.ContainsFunc(l.found, func(d *hcl.Diagnostic) bool { return d.Summary == said }) {
		l.failGiven(detail, "%s", said)
	}
}

func (l *loader) getenv(name string) (string, bool) {
	if l.options.Getenv == nil {
		return "", false
	}
	return l.options.Getenv(name)
}
