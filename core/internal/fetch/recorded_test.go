// Recording and replay through the whole of the host's HTTP.

package fetch

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/recording"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
)

// newRecorder returns a client that records into a file, with the secrets given; end ends it.
func newRecorder(t *testing.T, file string, secrets ...string) (c *Client, end func()) {
	t.Helper()
	set := &redact.Set{}
	for _, s := range secrets {
		set.Add(s)
	}
	w, err := recording.Create(file, set, recording.About{Pipeline: "test"})
	if err != nil {
		t.Fatal(err)
	}
	c = New(Options{Record: w, Redact: set})
	return c, func() {
		t.Helper()
		c.Close()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// replayer returns the HTTP of a plugin whose every reply is in a file.
func replayer(t *testing.T, file string, secrets ...string) http.RoundTripper {
	t.Helper()
	set := &redact.Set{}
	for _, s := range secrets {
		set.Add(s)
	}
	r, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return transport(t, New(Options{Replay: recording.NewPlayer(r, set), Redact: set}), httppolicy.Policy{})
}

// echo answers with what was asked, and counts.
func echo(t *testing.T, headers ...string) *httptest.Server {
	t.Helper()
	var mu sync.Mutex
	n := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		key := fmt.Sprintf("%s %s %s", r.Method, r.URL, body)
		mu.Lock()
		n[key]++
		i := n[key]
		mu.Unlock()
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		switch r.URL.Path {
		case "/large":
			io.CopyN(w, zeros{}, 20<<20)
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			return
		}
		if r.URL.Query().Has("api_key") {
			key = "not told"
		}
		fmt.Fprintf(w, "%s #%d %s", key, i, r.Header.Get("Authorization"))
	}))
	t.Cleanup(s.Close)
	return s
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestReplayIsTheSame(t *testing.T) {
	t.Parallel()
	server := echo(t)
	file := filepath.Join(t.TempDir(), "a.rec")
	c, end := newRecorder(t, file)
	live := transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, server.URL)}, Attempts: 1})
	asks := [][2]string{
		{"GET", "/a?x=1&y=2"}, {"GET", "/a?x=2"}, {"GET", "/again"}, {"GET", "/again"}, {"POST", "/a|one"},
		{"POST", "/a|two"},
		{"HEAD", "/a"}, {"GET", "/missing"}, {"GET", "/large"}, {"GET", "/cut"}, {"GET", "http://elsewhere.example/"},
	}
	type result struct{ status, body, err string }
	do := func(rt http.RoundTripper, a [2]string) result {
		url, body, _ := strings.Cut(a[1], "|")
		if !strings.HasPrefix(url, "http:") {
			url = server.URL + url
		}
		resp, text, err := ask(t.Context(), rt, a[0], url, body)
		if err != nil {
			return result{err: fmt.Sprintf("%t %v", sdk.IsPermanent(err), err)}
		}
		return result{status: resp.Status + fmt.Sprint(resp.ContentLength, resp.Header), body: text}
	}
	var want []result
	for _, a := range asks {
		want = append(want, do(live, a))
	}
	end()
	server.Close()
	rt := replayer(t, file)
	for _, i := range []int{8, 7, 2, 10, 3, 5, 4, 0, 1, 6, 9} { // in another order, but for those that were asked twice
		if got := do(rt, asks[i]); got != want[i] {
			t.Errorf("%v\n got %.300v\nwant %.300v", asks[i], got, want[i])
		}
	}
	if got := do(rt, asks[3]); got != want[3] {
		t.Errorf("the last reply comes again and again: %v", got)
	}
	if got := do(rt, [2]string{"GET", "/a?y=2&x=1"}); got != want[0] {
		t.Errorf("the order of a query: %v", got)
	}
	for _, miss := range [][3]string{
		{"GET", "/a?x=3", `the nearest of its 11 exchanges is number 2, which differs in query x ("2" there)`},
		{"POST", "/a|three", "differs in the body"}, {"PUT", "/a|one", "differs in the method (POST there)"},
		{"GET", "/b", "the path (/"},
	} {
		got := do(rt, [2]string{miss[0], miss[1]})
		if !strings.HasPrefix(got.err, "true "+miss[0]) || !strings.Contains(got.err, "not in the recording") ||
			!strings.Contains(got.err, miss[2]) {
			t.Errorf("%v: %v", miss, got)
		}
	}
}

// Wherever a recording is cut, what is whole before is good, and the next session goes on there.
func TestRecordingCutAnywhere(t *testing.T) {
	t.Parallel()
	server := echo(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "a.rec")
	get := func(file, path string) {
		t.Helper()
		c, end := newRecorder(t, file)
		defer end()
		if _, _, err := ask(t.Context(),
			transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, server.URL)}}), "GET",
			server.URL+path, ""); err != nil {
			t.Fatal(err)
		}
	}
	get(file, "/1")
	first, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	get(file, "/2")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 1 + n/40 {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := recording.Open(file)
		if err != nil {
			if int64(n) >= first.Size() {
				t.Fatalf("cut at %d of %d: %v", n, len(whole), err)
			}
			continue
		}
		if complete := int64(n) == first.Size(); r.Complete != complete || int64(n) >= first.Size() &&
			len(r.Exchanges) < 1 {
			t.Fatalf("cut at %d of %d: %d exchanges, complete %t", n, len(whole), len(r.Exchanges), r.Complete)
		}
		before := len(r.Exchanges)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		get(file, "/3")
		if r, err = recording.Open(file); err != nil || len(r.Exchanges) != before+1 || !r.Complete {
			t.Fatalf("gone on after a cut at %d: %d exchanges: %v", n, len(r.Exchanges), err)
		}
		for _, e := range r.Exchanges {
			if raw, err := io.ReadAll(r.Body(e)); err != nil || int64(len(raw)) != e.Size ||
				!strings.Contains(e.URL, strings.Fields(string(raw))[1]) {
				t.Fatalf("cut at %d: %q of %s: %v", n, raw, e.URL, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// No secret comes into a recording, whatever it travels in.
func TestNoSecretIsRecorded(t *testing.T) {
	t.Parallel()
	const secret, password = "sesame/open 5", "pass-word-77"
	server := echo(t, "Set-Cookie: session=COOKIE-SET", "X-Auth-Token: ISSUED", "Link: <http://h/?k="+secret+">",
		"Www-Authenticate: CHALLENGED")
	file := filepath.Join(t.TempDir(), "a.rec")
	asks := []struct{ method, url, body, header string }{
		{"GET", "/?api_key=QUERY-KEY&q=1", "", "X-Api-Key: HEADER-KEY"},
		{"GET", "/?q=sesame%2fopen+5", "", "Cookie: a=COOKIE-SENT"},
		{"GET", "/" + strings.ReplaceAll(secret, " ", "%20"), "", "Authorization: Bearer FORGED"},
		{"POST", "/", `{"text":"sesame\/open\u00205"}`, "X-Custom: " + secret},
		{"POST", "/token", "grant_type=client_credentials&client_secret=LOGIN-SECRET", "X-Token: PLUGINS"},
	}
	for _, auth := range []credential.Credential{
		{Scheme: "basic", Value: credential.Basic{User: "user", Password: password}},
		{Scheme: "bearer", Value: credential.Bearer{Token: password}},
		{Scheme: "header", Value: credential.Header{Name: "X-Secret-Sauce", Value: password}},
	} {
		c, end := newRecorder(t, file, secret)
		p := httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, server.URL)}}
		auth.Origins = p.Allow
		p.Auth = []credential.Credential{auth}
		rt := transport(t, c, p)
		for _, a := range asks {
			if _, _, err := ask(t.Context(), rt, a.method, server.URL+a.url, a.body, a.header); err != nil {
				t.Fatal(err)
			}
		}
		end()
	}
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	r, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := [][]byte{raw}
	masked := 0
	for _, e := range r.Exchanges {
		body, err := io.ReadAll(r.Body(e))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Appendf(nil, "%+v", e), body)
		if e.Masked {
			masked++
		}
	}
	if len(r.Exchanges) != 3*len(asks) || masked == 0 {
		t.Errorf("%d exchanges, %d masked", len(r.Exchanges), masked)
	}
	for _, s := range []string{
		"sesame", password, base64.StdEncoding.EncodeToString([]byte("user:" + password)), "HEADER-KEY", "COOKIE",
		"FORGED", "ISSUED",
		"CHALLENGED", "LOGIN-SECRET", "PLUGINS", "QUERY-KEY",
	} {
		if i := slices.IndexFunc(all, func(b []byte) bool { return bytes.Contains(b, []byte(s)) }); i >= 0 {
			t.Errorf("%s is there: %.400q", s, all[i])
		}
	}
	// With another credential, and another value for the secret setting, the requests are still the
	// same.
	again := replayer(t, file, "other secret")
	if _, _, err := ask(t.Context(), again, "GET", server.URL+"/?q=other+secret", ""); err != nil {
		t.Error(err)
	}
	_, _, err = ask(t.Context(), again, "POST", server.URL+"/token", asks[4].body, "X-Token: PLUGINS")
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "not recorded: it answers a login") {
		t.Error(err)
	}
}

// Many at once, in the record and in the replay.
func TestRecordingAtOnce(t *testing.T) {
	t.Parallel()
	server := echo(t)
	file := filepath.Join(t.TempDir(), "a.rec")
	c, end := newRecorder(t, file)
	each := func(rt http.RoundTripper) {
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				url := fmt.Sprintf("%s/%d", server.URL, i)
				if _, body, err := ask(t.Context(), rt, "GET", url, ""); err != nil ||
					!strings.HasPrefix(body, fmt.Sprintf("GET /%d ", i)) {
					t.Errorf("%s: %q, %v", url, body, err)
				}
			})
		}
		all.Wait()
	}
	each(transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, server.URL)}}))
	if _, err := recording.Create(file, nil, recording.About{}); err == nil ||
		!strings.Contains(err.Error(), "another process records into it") {
		t.Errorf("a second recorder: %v", err)
	}
	end()
	server.Close()
	each(replayer(t, file))
}

// A recording that cannot be written ends the run: it would be a lie.
func TestRecordingThatFails(t *testing.T) {
	t.Parallel()
	server := echo(t)
	set := &redact.Set{}
	w, err := recording.Create(filepath.Join(t.TempDir(), "a.rec"), set, recording.About{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c := New(Options{Record: w, Redact: set})
	defer c.Close()
	_, _, err = ask(t.Context(), transport(t, c, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, server.URL)}}),
		"GET", server.URL, "")
	if !sdk.IsPermanent(err) || !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), "record: ") {
		t.Errorf("%v", err)
	}
}
