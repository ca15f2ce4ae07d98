package core

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/state"
)

func TestRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := credential.OAuth2{TokenURL: "https://login.example.com", ClientID: "me", RefreshToken: "first"}
	turn := func(next string, fail error) (kept string) {
		t.Helper()
		err := newKeptToken(state.Home(dir), o).use(t.Context(),
			func(k string) (string, error) { kept = k; return next, fail })
		if !errors.Is(err, fail) {
			t.Fatal(err)
		}
		return kept
	}
	refused := errors.New("refused")
	for i, step := range []struct {
		next string
		fail error
		want string
	}{{"second", nil, ""}, {"", nil, "second"}, {"", refused, "second"}, {"third", nil, "second"}, {"", nil, "third"}} {
		if got := turn(step.next, step.fail); got != step.want {
			t.Errorf("step %d: %q is kept, want %q", i, got, step.want)
		}
	}
	o.RefreshToken = "logged in anew"
	if got := turn("", nil); got != "" {
		t.Errorf("what followed after another token is used: %q", got)
	}
	files, err := filepath.Glob(filepath.Join(dir, "tokens", "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
}

func TestKeptTokenIsUsedByOneAtATime(t *testing.T) {
	t.Parallel()
	k := newKeptToken(state.Home(t.TempDir()), credential.OAuth2{})
	err := k.use(t.Context(), func(string) (string, error) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := k.use(ctx, func(string) (string, error) {
			t.Error("used twice at once")
			return "",
				nil
		}); err == nil {
			t.Error("no error")
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
