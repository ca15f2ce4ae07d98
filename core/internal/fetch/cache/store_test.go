// The store: what a kill, other processes and a limit do to it.

package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
)

// answers is a host: a function of the request.
type answers func(*http.Request) *http.Response

func (f answers) RoundTrip(req *http.Request) (*http.Response, error) {
	if resp := f(req); resp != nil {
		return resp, nil
	}
	return nil, errors.New("no host")
}

// fresh is a reply that may be kept for an hour.
func fresh(req *http.Request, body io.Reader, size int64, headers ...string) *http.Response {
	resp := reply(req, http.StatusOK, http.Header{"Cache-Control": {"max-age=3600"}})
	addHeaders(resp.Header, strings.Join(headers, "|"))
	resp.Body, resp.ContentLength = io.NopCloser(body), size
	return resp
}

func text(req *http.Request, body string, headers ...string) *http.Response {
	return fresh(req, strings.NewReader(body), int64(len(body)), headers...)
}

func get(t *testing.T, rt http.RoundTripper, url string, headers ...string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	addHeaders(req.Header, strings.Join(headers, "|"))
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	raw, err := io.ReadAll(resp.Body)
	return resp, string(raw), errors.Join(err, resp.Body.Close())
}

// entries are the paths of all entries of a folder.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// An entry that was cut anywhere, or changed anywhere, is no entry.
func TestBrokenEntries(t *testing.T) {
	t.Parallel()
	dir, asked := t.TempDir(), 0
	rt := cacheIn(t, dir, answers(func(req *http.Request) *http.Response { asked++; return text(req, "the body") }))
	if _, _, err := get(t, rt, "http://h/"); err != nil {
		t.Fatal(err)
	}
	file := entries(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		before := asked
		if _, body, err := get(t, rt, "http://h/"); err != nil || body != "the body" {
			t.Errorf("%s: %q, %v", what, body, err)
		}
		if asked == before {
			t.Errorf("%s: it was used", what)
		}
	}
	for n := range whole {
		check(fmt.Sprintf("cut after %d bytes", n), whole[:n])
		changed := bytes.Clone(whole)
		changed[n] ^= 0x20
		check(fmt.Sprintf("byte %d changed", n), changed)
	}
}

// What is not read to its end is not kept, and leaves nothing.
func TestHalfARead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := cacheIn(t, dir, answers(func(req *http.Request) *http.Response {
		return text(req,
			strings.Repeat("x", 1000))
	}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://h/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 ||
		filepath.Base(left[0]) != saltFile {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A kill leaves a file aside. It is never an entry, and goes when it is old.
func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, 1<<20, 0)
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.write(s.name("killed"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "half a bo")
	if err := w.finish(head{}); err != nil { // all but the rename
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, 2 * abandoned} { // the second removes it
		then := time.Now().Add(-age)
		if err := os.Chtimes(w.file.Name(), then, then); err != nil {
			t.Fatal(err)
		}
		again, err := Open(dir, 1<<20, 0)
		if err != nil {
			t.Fatal(err)
		}
		if again.get(s.name("killed")) != nil {
			t.Error("it is an entry")
		}
		if _, err := os.Stat(w.file.Name()); (err == nil) != (age == 0) {
			t.Errorf("after %s: %v", age, err)
		}
	}
}

func TestEviction(t *testing.T) {
	t.Parallel()
	const limit, size = 1 << 20, 10 << 10
	dir := t.TempDir()
	asked := map[string]int{}
	s, err := Open(dir, limit, 0)
	if err != nil {
		t.Fatal(err)
	}
	rt := New(testOptions(s), answers(func(req *http.Request) *http.Response {
		asked[req.URL.Path]++
		return text(req, strings.Repeat("x", size))
	}))
	for i := range 300 {
		for _, path := range []string{"/often", fmt.Sprintf("/%d", i)} {
			if _, _, err := get(t, rt, "http://h"+path); err != nil {
				t.Fatal(err)
			}
		}
	}
	var total int64
	for _, file := range entries(t, dir) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > limit+limit/5 || total < limit/2 {
		t.Errorf("%d bytes are kept, the limit is %d", total, limit)
	}
	if asked["/often"] != 1 {
		t.Errorf("what was used all the time was asked for %d times", asked["/often"])
	}
	if _, _, err := get(t, rt, "http://h/0"); err != nil || asked["/0"] != 2 {
		t.Errorf("what was not used for the longest time was asked for %d times: %v", asked["/0"], err)
	}
}

// Two stores on one folder stand for two processes. A body must be one that the host sent, whole.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	host := answers(func(req *http.Request) *http.Response {
		n := 1 + rand.N(60<<10)
		body := strings.Repeat(fmt.Sprint(n%10), n)
		return text(req, body, "X-Sum: "+fmt.Sprintf("%x", sha256.Sum256([]byte(body))))
	})
	var all sync.WaitGroup
	for p := range 4 {
		rt := cacheIn(t, dir, host, func(o *Options) {
			if p == 0 {
				o.Mode = httppolicy.CacheRefresh
			}
		})
		for range 2 {
			all.Go(func() {
				for i := range 200 {
					resp, body, err := get(t, rt, fmt.Sprintf("http://h/%d", i%7))
					if err != nil || resp.Header.Get("X-Sum") != fmt.Sprintf("%x", sha256.Sum256([]byte(body))) {
						t.Errorf("%d bytes that were not sent so: %v", len(body), err)
					}
				}
			})
		}
	}
	all.Wait()
}

// A body of 100 MB goes through to the disk and back without being held.
func TestLargeBody(t *testing.T) {
	t.Parallel()
	const size = 100 << 20
	asked := 0
	host := answers(func(req *http.Request) *http.Response {
		asked++
		return fresh(req, io.LimitReader(zeros{}, size), size)
	})
	s, err := Open(t.TempDir(), 1<<30, 0)
	if err != nil {
		t.Fatal(err)
	}
	secrets := &redact.Set{}
	secrets.Add("sesame-open")
	o := testOptions(s)
	o.Redact = secrets
	rt := New(o, host)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://h/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 64<<10))
		if err = errors.Join(err, resp.Body.Close()); err != nil || n != size {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// Garbage counts here too, of tests that run beside this one as well; what is held is far less.
	if held := int64(after.HeapInuse) - int64(before.HeapInuse); held > 40<<20 {
		t.Errorf("%d MiB are in use", held>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Nothing of a credential comes to the disk, and only the owner reads what does.
func TestNoSecretOnDisk(t *testing.T) {
	t.Parallel()
	const secret = "sesame/open?5"
	dir := t.TempDir()
	rt := cacheIn(t, dir, answers(func(req *http.Request) *http.Response {
		switch req.URL.Path {
		case "/echo":
			return text(req, strings.Repeat("-", 100<<10)+secret)
		case "/escaped":
			return text(req, `{"next":"https:\/\/h\/?k=sesame%2Fopen%3f5"}`)
		case "/header":
			return text(req, "x", "Link: <http://h/?key="+secret+">")
		}
		return text(req, "x", "Set-Cookie: session=COOKIE-VALUE", "Vary: X-Api-Key", "Www-Authenticate: NEGOTIATED")
	}), func(o *Options) {
		o.Redact = &redact.Set{}
		o.Redact.Add(secret)
	})
	for _, path := range []string{"/echo", "/escaped", "/header", "/?api_key=QUERY-KEY", "/?q=" + secret} {
		if _, _, err := get(t, rt, "http://h"+path, "Authorization: Bearer "+secret, "X-Api-Key: HEADER-KEY",
			"Cookie: a=COOKIE-SENT"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(entries(t, dir)); n != 2 {
		t.Errorf("%d replies are kept, want those two without a secret", n)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %o", path, info.Mode().Perm())
		}
		raw, err := os.ReadFile(path)
		for _, s := range []string{"sesame", "QUERY-KEY", "HEADER-KEY", "COOKIE", "NEGOTIATED"} {
			if bytes.Contains(raw, []byte(s)) {
				t.Errorf("%s holds %s: %q", path, s, raw)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	dir, asked, up := t.TempDir(), 0, true
	host := answers(func(req *http.Request) *http.Response {
		if !up {
			return nil
		}
		asked++
		return text(req, fmt.Sprint(asked), "Vary: Accept")
	})
	in := func(m httppolicy.CacheMode) http.RoundTripper {
		return cacheIn(t, dir, host, func(o *Options) { o.Mode = m })
	}
	expect := func(m httppolicy.CacheMode, want string, headers ...string) {
		t.Helper()
		if _, body, err := get(t, in(m), "http://h/", headers...); err != nil || body != want {
			t.Errorf("%s: %q, %v; want %q", m, body, err, want)
		}
	}
	refused := func(method, url, want string, headers ...string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		addHeaders(req.Header, strings.Join(headers, "|"))
		_, err = in(httppolicy.CacheOnly).RoundTrip(req)
		if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %s: %v", method, url, err)
		}
	}
	expect(httppolicy.CacheOn, "1")
	expect(httppolicy.CacheOn, "1")
	expect(httppolicy.CacheRefresh, "2")
	expect(httppolicy.CacheOn, "2")
	up = false
	expect(httppolicy.CacheOnly, "2")
	expect(httppolicy.CacheOnly, "2", "Cache-Control: no-cache")
	expect(httppolicy.CacheOnly, "2", `If-None-Match: "x"`)
	refused("GET", "http://h/other", "not in the cache")
	refused("GET", "http://h/", "not in the cache", "Accept: b")
	refused("GET", "http://h/", "plain GETs", "Range: bytes=0-1")
	refused("POST", "http://h/", "--record")
}

// Two accounts share nothing.
func TestAccounts(t *testing.T) {
	t.Parallel()
	rt := cacheIn(t, t.TempDir(), answers(func(req *http.Request) *http.Response {
		return text(req, "for "+req.Header.Get("Authorization"))
	}))
	for _, who := range []string{"a", "b", "", "a"} {
		if _, body, err := get(t, rt, "http://h/", "Authorization: "+who); err != nil || body != "for "+who {
			t.Errorf("%s got %q: %v", who, body, err)
		}
	}
}

// What was not used for long goes, whatever room there is; what was used stays.
func TestUnusedEntriesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rt := cacheIn(t, dir, answers(func(req *http.Request) *http.Response {
		return text(req,
			"the body of "+req.URL.Path)
	}))
	ask := func(paths ...string) {
		t.Helper()
		for _, path := range paths {
			if _, _, err := get(t, rt, "http://h/"+path); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask("a", "b", "c")
	longAgo := time.Now().Add(-48 * time.Hour)
	for _, path := range entries(t, dir) {
		if err := os.Chtimes(path, longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	ask("b")
	for maxAge, want := range map[time.Duration]int{0: 3, 72 * time.Hour: 3} {
		if _, err := Open(dir, 1<<20, maxAge); err != nil || len(entries(t, dir)) != want {
			t.Errorf("with %s: %d entries, want %d (%v)", maxAge, len(entries(t, dir)), want, err)
		}
	}
	if _, err := Open(dir, 1<<20, 24*time.Hour); err != nil || len(entries(t, dir)) != 1 {
		t.Errorf("%d entries, want the one that was used (%v)", len(entries(t, dir)), err)
	}
}
