package files_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/files"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// shelf is a server with files, a folder, and the context of a call whose requests are kept there.
type shelf struct {
	url, dir string
	asked    atomic.Int64
	keeper   *files.Keeper
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{dir: filepath.Join(t.TempDir(), "kept")}
	mux := http.NewServeMux()
	mux.HandleFunc("/a", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "content") })
	mux.HandleFunc("/moved", func(w http.ResponseWriter,
		r *http.Request) {
		http.Redirect(w, r, "/a", http.StatusSeeOther)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		_, _ = io.WriteString(w, "half")
	})
	mux.HandleFunc("/flushed", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "content")
			w.(http.Flusher).Flush()
		}
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.keeper = &files.Keeper{Next: http.DefaultTransport, MaxSize: 10,
		Folder: func() (*files.Folder, error) { return files.Open(s.dir, "p") }}
	return s
}

func (s *shelf) keep(t *testing.T, key, path string, expect ...reply.Expect) (reply.File, error) {
	t.Helper()
	return sdk.Keep(sdk.Host{Keep: s.keeper.Keep}.In(t.Context()), key, s.url+path, expect...)
}

// all returns the files in the folder, without the notes about keys.
func (s *shelf) all(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(path, "keys") {
			name, _ := filepath.Rel(s.dir, path)
			out = append(out, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out
}

func TestKeep(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	sum := sha256.Sum256([]byte("content"))
	hash := hex.EncodeToString(sum[:])
	want := reply.File{Path: hash[:2] + "/" + hash, SHA256: hash, Size: 7}
	for _, c := range []struct {
		key, path string
		asked     int64 // requests so far
	}{
		{"1", "/a", 1},
		{"1", "/a", 1}, // known
		{"2", "/a", 2}, // equal content under another key
		{"3", "/moved", 4},
		{"3", "/moved", 4},
	} {
		got, err := s.keep(t, c.key, c.path)
		if err != nil || got != want {
			t.Fatalf("%s as %s: %+v (%v), want %+v", c.path, c.key, got, err, want)
		}
		if n := s.asked.Load(); n != c.asked {
			t.Errorf("%s as %s: %d requests so far, want %d", c.path, c.key, n, c.asked)
		}
	}
	if all := s.all(t); !slices.Equal(all, []string{want.Path}) {
		t.Errorf("in the folder: %q", all)
	}
	if raw, err := os.ReadFile(filepath.Join(s.dir, want.Path)); err != nil || string(raw) != "content" {
		t.Errorf("kept %q (%v)", raw, err)
	}
}

// A file that somebody has removed or cut is fetched again.
func TestLostFileIsFetchedAgain(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	file, err := s.keep(t, "1", "/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(s.dir, file.Path), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := s.keep(t, "1", "/a"); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(s.dir, file.Path)); err != nil || string(raw) != "content" {
		t.Errorf("kept %q (%v)", raw, err)
	}
}

func TestWhatIsNotKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path string
		want func(error) bool
	}{
		{"/none", func(err error) bool {
			var n *reply.NotKept
			return errors.As(err, &n) && n.Status == 404 && n.Said == "404 page not found"
		}},
		{"/broken", func(err error) bool {
			var n *reply.NotKept
			return errors.As(err, &n) && n.TooLong &&
				n.Status == 200
		}},
		{"/cut", func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"/flushed", func(err error) bool { var n *reply.NotKept; return errors.As(err, &n) && n.TooLong }},
	} {
		s := newShelf(t)
		if _, err := s.keep(t, "1", c.path); err == nil || !c.want(err) {
			t.Errorf("%s: %v", c.path, err)
		}
		if all := s.all(t); len(all) != 0 {
			t.Errorf("%s: in the folder: %q", c.path, all)
		}
	}
}

// What is not the file that was asked for is not kept, and is asked for again under the same key.
func TestAnotherFile(t *testing.T) {
	t.Parallel()
	const login = "<!DOCTYPE html><html>Log in</html>"
	for name, c := range map[string]struct {
		kind, body string
		expect     reply.Expect
		says       string // "": it is kept
	}{
		"the file": {"text/plain", "content",
			reply.Expect{Size: new(int64(7)), Type: "text/plain"}, ""},
		"shorter": {"text/plain", "con", reply.Expect{Size: new(int64(7))},
			"3 bytes came of the 7"},
		"longer": {"text/plain", "content!", reply.Expect{Size: new(int64(7))},
			"more than the 7 bytes"},
		"empty": {"text/plain", "", reply.Expect{Size: new(int64(0))}, ""},
		"a page in its place": {"text/html;charset=UTF-8", login, reply.Expect{Type: "image/png"},
			"a page of HTML came, as of a login or an error, where image/png"},
		"a page as long as the file": {"text/html", login,
			reply.Expect{Size: new(int64(len(login))), Type: "text/plain; charset=utf-8"}, "where text/plain"},
		"a page that calls itself the file": {"image/png", login, reply.Expect{Type: "image/png"},
			"looks like a page of HTML"},
		"a page with no size, and any type": {"application/octet-stream", login,
			reply.Expect{Type: "application/octet-stream"}, "looks like a page of HTML"},
		"a page that is the file": {"text/html", login, reply.Expect{Type: "text/html"}, ""},
		"a page that was put there as bytes": {"text/html", login,
			reply.Expect{Size: new(int64(len(login))), Type: "application/octet-stream"}, ""},
		"a text that quotes a page": {"text/plain", login,
			reply.Expect{Size: new(int64(len(login))), Type: "text/plain"}, ""},
		"nothing is known": {"text/html", login, reply.Expect{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t)
			s.keeper.MaxSize = 0
			s.keeper.Next = answering{c.kind, c.body}
			file, err := s.keep(t, "1", "/", c.expect)
			if c.says == "" {
				if err != nil || file.Size != int64(len(c.body)) {
					t.Errorf("%+v, %v", file, err)
				}
				return
			}
			var none *reply.NotKept
			if !errors.As(err, &none) || none.Status != http.StatusOK || !strings.Contains(none.Problem, c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if all := s.all(t); len(all) != 0 {
				t.Errorf("in the folder: %q", all)
			}
			s.keeper.Next = answering{"text/plain", strings.Repeat("x", 7)}
			if c.expect.Size == nil || *c.expect.Size == 7 {
				if _, err := s.keep(t, "1", "/", c.expect); err != nil {
					t.Errorf("it is not asked for again: %v", err)
				}
			}
		})
	}
}

// What was kept before anybody knew better does not stay.
func TestAnotherFileThatWasKept(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.keeper.Next = answering{"text/html", "login"}
	if _, err := s.keep(t, "1", "/"); err != nil {
		t.Fatal(err)
	}
	s.keeper.Next = answering{"text/plain", "content"}
	if file, err := s.keep(t, "1", "/", reply.Expect{Size: new(int64(7))}); err != nil || file.Size != 7 {
		t.Errorf("%+v, %v", file, err)
	}
}

// A request that fails speaks against the file, and keeps its class; one that is to wait, or that
// nobody waits for, does not.
func TestRequestForAFileFails(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for name, c := range map[string]struct {
		err  error
		file bool
	}{
		"down":        {errors.New("it is down"), true},
		"not allowed": {sdk.Permanent(errors.New("it may not be asked")), true},
		"a pause":     {sdk.RetryAfter(errors.New("later"), 1), false},
	} {
		s.keeper.Next = failingWith{c.err}
		_, err := s.keep(t, name, "/")
		var none *reply.NotKept
		if errors.As(err, &none) != c.file || !errors.Is(err, c.err) ||
			sdk.IsPermanent(err) != sdk.IsPermanent(c.err) || sdk.RetryDelay(err) != sdk.RetryDelay(c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(sdk.Host{Keep: s.keeper.Keep}.In(t.Context()))
	cancel()
	s.keeper.Next = http.DefaultTransport
	if _, err := sdk.Keep(ctx, "1", s.url); !errors.Is(err, context.Canceled) || errors.As(err, new(*reply.NotKept)) {
		t.Errorf("given up: %v", err)
	}
}

// answering answers all requests alike.
type answering struct{ kind, body string }

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", a.kind)
	_, _ = io.WriteString(w, a.body)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

type failingWith struct{ err error }

func (f failingWith) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestWithoutFolder(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.keeper.Folder = nil
	if _, err := s.keep(t, "1", "/a"); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "files {") {
		t.Errorf("%v", err)
	}
	ctx := sdk.Host{Transport: http.DefaultTransport}.In(t.Context())
	if _, err := sdk.Keep(ctx, "1", s.url+"/a"); !sdk.IsPermanent(err) {
		t.Errorf("a host that keeps nothing: %v", err)
	}
	s.keeper.Next = failing{}
	if _, err := sdk.Keep(sdk.Host{Keep: s.keeper.Keep}.In(context.Background()), "1",
		"http://x/"); err == nil {
		t.Error("no error")
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no wire") }

// What a killed process left half-way goes when the same pipeline opens the folder again, and only
// that.
func TestLeftoversOfTheSameOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, owner := range []string{"mine", "other"} {
		f, err := files.Open(dir, owner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Keep("k", &dying{})
		if err == nil {
			t.Fatal("the content broke off and was kept")
		}
		if err := os.WriteFile(filepath.Join(dir, partialName(t, owner)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := files.Open(dir, "mine"); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".partial-*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left: %q (%v), want the other's", left, err)
	}
}

func partialName(t *testing.T, owner string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(owner))
	return ".partial-" + hex.EncodeToString(sum[:8]) + "-1"
}

type dying struct{}

func (dying) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A folder may be shared; what one owner keeps under a key is not another's.
func TestKeysOfAnotherOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(owner string) *files.Folder {
		f, err := files.Open(dir, owner)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	kept, err := open("evil").Keep("issue 7", strings.NewReader("poison"))
	if err != nil {
		t.Fatal(err)
	}
	if got, known := open("honest").Known("issue 7"); known {
		t.Errorf("another owner is given %+v", got)
	}
	if got, known := open("evil").Known("issue 7"); !known || got != kept {
		t.Errorf("the owner is given %+v, %t; want %+v", got, known, kept)
	}
}
