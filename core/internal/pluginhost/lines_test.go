// What a plugin writes: cleaning, levels, panics.

package pluginhost

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

// logged is a logger and what it was told.
func logged(level hclog.Level) (hclog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return hclog.New(&hclog.LoggerOptions{Level: level, Output: &b, DisableTime: true}), &b
}

func TestLinesAreCleanedAndLogged(t *testing.T) {
	t.Parallel()
	log, out := logged(hclog.Info)
	l := &lines{log: log}
	l.read(strings.NewReader(strings.Join([]string{
		"plain: not at this level",
		`{"@level":"warn","@message":"low \u001b[31mon\u001b[0m pages","left":3,"why":"a\nb","@module":"m"}`,
		`{"@level":"debug","@message":"chatter"}`,
		`{"@level":3,"@message":[1]}`,
		"",
		"\x1b]0;title\x07\x1b[1;31mred\x1b[0m\r bell\a tab\tend \xff\u202e",
	}, "\n")))
	if got, want := out.String(), "[WARN]  low on pages: left=3 why=ab\n"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	last, panicked := l.tail()
	want := []string{"plain: not at this level", "low on pages", `{"@level":3,"@message":[1]}`,
		"red bell tab end \uFFFD"}
	if !slices.Equal(last, want) || panicked != "" {
		t.Errorf("kept %q and %q", last, panicked)
	}
}

// Half a secret, or one whose tabs became spaces, is not known for one: lines are masked first.
func TestLinesAreMaskedBeforeTheyAreCut(t *testing.T) {
	t.Parallel()
	log, out := logged(hclog.Debug)
	hide := strings.NewReplacer("canary\tsecret", "[redacted]").Replace
	l := &lines{log: log, hide: hide}
	for _, text := range []string{
		"canary\tsecret", strings.Repeat("a", maxKept-6) + "canary\tsecret",
		strings.Repeat("a", maxLogLine-6) + "canary\tsecret",
		`{"@level":"warn","@message":"canary\tsecret","canary\tsecret":"is canary\tsecret"}`,
	} {
		l.add(text)
	}
	last, _ := l.tail()
	if all := out.String() + strings.Join(last, "\n"); strings.Contains(all, "canary") ||
		!strings.Contains(all, "[redacted]") {
		t.Errorf("%.2000s", all)
	}
}

func TestLinesKeepTheLastOnes(t *testing.T) {
	t.Parallel()
	l := &lines{log: hclog.NewNullLogger()}
	for i := range 100 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	l.read(strings.NewReader(strings.Repeat("é", maxRawLine) + "\nafter"))
	last, _ := l.tail()
	if len(last) != keptLines || last[0] != "line 82" || last[19] != "after" {
		t.Errorf("%d lines, the first %q, the last %q", len(last), last[0], last[len(last)-1])
	}
	if long := last[18]; len(long) > maxKept+5 || !utf8.ValidString(long) || !strings.HasSuffix(long, "…") {
		t.Errorf("long line kept as %d bytes: %q", len(long), long)
	}
}

func TestPanicIsFound(t *testing.T) {
	t.Parallel()
	const trace = `
goroutine 34 [running]:
panic({0x8f1a40?, 0xc000012345?})
	/usr/local/go/src/runtime/panic.go:783 +0x132
runtime.goPanicIndex(0x5, 0x3)
	/usr/local/go/src/runtime/panic.go:115 +0x74
example.com/jira.(*Source).Read(0xc000, {0x1, 0x2})
	/src/jira/read.go:42 +0x1d
created by main.main in goroutine 1
	/src/main.go:9 +0x25

goroutine 1 [select]:
main.main()
	/src/main.go:12 +0x1`
	for name, c := range map[string]struct{ text, want string }{
		"index": {"before\npanic: runtime error: index out of range [5] with length 3\n" + trace,
			"panic: runtime error: index out of range [5] with length 3 at /src/jira/read.go:42"},
		"nil": {"before\npanic: nil map\n[signal SIGSEGV: segmentation violation]\n" + trace,
			"panic: nil map [signal SIGSEGV: segmentation violation] at /src/jira/read.go:42"},
		"fatal": {"before\nfatal error: concurrent map writes\n" + trace,
			"fatal error: concurrent map writes at /src/jira/read.go:42"},
		"no trace": {"before\npanic: oh", "panic: oh"},
		"none":     {"before", ""},
	} {
		l := &lines{log: hclog.NewNullLogger()}
		l.read(strings.NewReader(c.text))
		last, panicked := l.tail()
		if panicked != c.want || !slices.Equal(last, []string{"before"}) {
			t.Errorf("%s: %q after %q", name, panicked, last)
		}
	}
}

func TestLinesGoOnAfterAPanicThatWasOnlyPrinted(t *testing.T) {
	t.Parallel()
	l := &lines{log: hclog.NewNullLogger()}
	l.read(strings.NewReader("panic: printed, not meant\n\ngoroutine 1 [running]:\nmain.f()\n" +
		"\t/src/f.go:1 +0x1\nback to work\nmore"))
	if last, _ := l.tail(); !slices.Equal(last, []string{"back to work", "more"}) {
		t.Errorf("kept %q", last)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("panic: x\n\ngoroutine 1 [running]:\nmain.f()\n\t/src/f.go:1 +0x1\n"))
	f.Add([]byte(`{"@level":"warn","@message":"m","@timestamp":1,"k":{"a":[null]}}`))
	f.Add([]byte("\x1b[31m\x1b]0;x\x9b\u202e\xff\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		log, out := logged(hclog.Trace)
		l := &lines{log: log}
		l.read(strings.NewReader(string(text)))
		last, panicked := l.tail()
		if len(last) > keptLines {
			t.Errorf("%d lines kept", len(last))
		}
		for _, s := range append(last, panicked) {
			if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 ||
				!utf8.ValidString(s) {
				t.Errorf("kept %q", s)
			}
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("logged %q", out.String())
		}
	})
}
