// Starts that fail: each with a message that says what to do.

//go:build unix

package pluginhost

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestStartFailures(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	at := func(path string) Spec { return Spec{Label: "source fake", Path: path} }
	wrongKind := spec(`{}`, "sink")
	wrongKind.Label, wrongKind.Kind = "source fake", sdk.KindSource
	for name, c := range map[string]struct {
		spec      Spec
		want      string
		permanent bool
	}{
		"missing": {at(dir + "/none"), dir + "/none: no such file; check the path of the plugin", true},
		"folder":  {at(dir), dir + ": a folder, not a program", true},
		"not executable": {at(write("plain", "#!/bin/sh\n", 0o600)), dir + "/plain: not executable; run chmod +x on it",
			true},
		"no program":     {at(write("text", "hello\n", 0o700)), "not a program for ", true},
		"no interpreter": {at(write("orphan", "#!/no/such/shell\n", 0o700)), "script", true},
		"exit": {spec(``, "exit", "3"),
			"the plugin died before it was ready: exit status 3; last lines: no license found", false},
		"dead settings": {spec(`{"do":"die at once"}`, "source"), "the plugin died before it was ready: exit status 7",
			false},
		"settings":   {spec(`{"fail":"no such project"}`, "source"), "no such project", true},
		"wrong kind": {wrongKind, "the plugin fake is a sink, not a source", true},
		"chatty": {spec(``, "say", "Hello\x1b[1m World!"),
			`the plugin printed "Hello World!" on stdout where its handshake belongs; is it a scrapekit plugin, ` +
				`and does it print nothing else there?; last lines: about to speak`, true},
		"litter": {spec(``, "litter"),
			"the plugin made more than 64 files in the folder of its socket and was ended", true},
		"mute": {spec(``, "mute"), "the plugin closed its stdout before the handshake", true},
		"newer": {spec(``, "say", "1|2|unix|$DIR/x|grpc|"),
			"the plugin speaks version 2 of the protocol, this scrapekit speaks 1: update scrapekit", true},
		"older": {spec(``, "say", "1|0|unix|$DIR/x|grpc|"),
			"the plugin speaks version 0 of the protocol, this scrapekit speaks 1: update the plugin", true},
		"tcp": {spec(``, "say", "1|1|tcp|127.0.0.1:80|grpc|"),
			`the plugin's handshake is refused: it wants to be reached at "tcp 127.0.0.1:80", and only a unix socket`,
			true},
		"outside": {spec(``, "say", "1|1|unix|$DIR/../x|grpc|"),
			"which is not in the folder PLUGIN_UNIX_SOCKET_DIR", true},
		"nobody there": {spec(``, "say", "1|1|unix|$DIR/x|grpc|"), "no such file", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := h.Start(t.Context(), c.spec)
			if err == nil {
				t.Fatalf("started as %+v", p.Info())
			}
			if !strings.HasPrefix(err.Error(), c.spec.Label+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if sdk.IsPermanent(err) != c.permanent {
				t.Errorf("permanent: %v", !c.permanent)
			}
			if isCrash(err) != strings.Contains(c.want, "died") {
				t.Errorf("crash: %v", isCrash(err))
			}
		})
	}
	t.Cleanup(func() {
		if left := files(t, h.dir.path); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if len(h.plugins) > 0 {
			t.Errorf("%d plugins are still known", len(h.plugins))
		}
	})
}

func TestSlowStart(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.timeout = 300 * time.Millisecond
	_, err := h.Start(t.Context(), spec(``, "sleep"))
	if want := "sleep fake: the plugin did not start within 300ms and was ended"; err == nil ||
		!strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestStartIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := h.Start(ctx, spec(``, "sleep"))
	if !errors.Is(err, context.DeadlineExceeded) || isCrash(err) {
		t.Errorf("got %v", err)
	}
}

func TestCloseDuringAStart(t *testing.T) {
	t.Parallel()
	h := must(New(Options{RunDirs: shortDir(t), Sandbox: bestLevel()}))
	started := make(chan error)
	go func() {
		_, err := h.Start(t.Context(), spec(``, "sleep"))
		started <- err
	}()
	settles(t, func() string {
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.plugins) == 0 {
			return "the start has not begun"
		}
		return ""
	})
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := <-started; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDigestOfTheProgram(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	s := spec(`{}`, "source")
	f := must(os.Open(s.Path))
	defer f.Close()
	sum := sha256.New()
	must(io.Copy(sum, f))
	s.Digest = fmt.Sprintf("sha256:%x", sum.Sum(nil))
	must(0, start(t, h, s).Stop(t.Context()))

	for digest, want := range map[string]string{
		"sha256:" + strings.Repeat("0", 64): "not the program that was installed",
		"md5:00":                            "want sha256:",
	} {
		s.Digest = digest
		if _, err := h.Start(t.Context(), s); err == nil || !sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", digest, err)
		}
	}
}
