package pluginhost

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// What the Go runtime prints as it dies, in its forms: the text and the first place of the plugin's
// own.
func TestPanicTexts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ stderr, want string }{
		"panic": {
			"panic: boom\n\ngoroutine 7 [running]:\nmain.read(...)\n" +
				"\t/src/main.go:43 +0x1d\nmain.main()\n\t/src/main.go:9 +0x2\nexit status 2\n",
			"panic: boom at /src/main.go:43",
		},
		"fatal error of the runtime": {
			"fatal error: concurrent map writes\n\ngoroutine 18 [running]:\n" +
				"internal/runtime/maps.fatal({0x1, 0x2})\n" +
				"\t/go/src/runtime/panic.go:1181 +0x18\nmain.grow(0x1)\n\t/src/main.go:12 +0x5\n",
			"fatal error: concurrent map writes at /src/main.go:12",
		},
		"signal": {
			"SIGSEGV: segmentation violation\nPC=0x47 m=0 sigcode=0\n\n" +
				"goroutine 1 [syscall]:\nmain.call()\n\t/src/main.go:5 +0x2\n\nrax    0x0\n",
			"SIGSEGV: segmentation violation PC=0x47 m=0 sigcode=0 at /src/main.go:5",
		},
		"none": {"working\nstill working\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p panicScan
			for line := range strings.Lines(c.stderr) {
				p.scan(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")) // as cleaned lines come
			}
			if got := p.String(); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestStack: an author sees the trace as it was printed, and nobody else's lines in it.
func TestStack(t *testing.T) {
	t.Parallel()
	var told []string
	l := &lines{log: hclog.NewNullLogger(), plain: func(line string) { told = append(told, line) }}
	l.read(strings.NewReader("one\n\ntwo\npanic: boom\n\n" +
		"goroutine 7 [running]:\nmain.read(...)\n\t/src/main.go:43 +0x1d\n"))
	want := "panic: boom\n\ngoroutine 7 [running]:\nmain.read(...)\n /src/main.go:43 +0x1d\n"
	if got := newCrash("x", nil, l).Stack(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if !slices.Equal(told, []string{"one", "two"}) {
		t.Errorf("told %q", told)
	}
	other := &lines{log: hclog.NewNullLogger()}
	other.read(strings.NewReader("Traceback\n  File 1\n  File 2\nValueError\n")) // of another language
	if got := newCrash("x", nil, other).Stack(); got != "Traceback\n  File 1\n  File 2\nValueError\n" {
		t.Errorf("got %q", got)
	}
}
