// Errors: what a person reads, and whether trying again would help.

package jira_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func wantError(t *testing.T, err error, permanent bool, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if sdk.IsPermanent(err) != permanent {
		t.Errorf("permanent is %v for: %v", !permanent, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
}

// redirect sends every request elsewhere.
type redirect struct {
	to   string
	next http.RoundTripper
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	u, err := url.Parse(r.to)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.URL.Host = u.Host
	return r.next.RoundTrip(req)
}

// bearer adds a token, as the host does. It takes away the header by which Jira tells that it
// refused one, because not every server, nor every proxy before it, gives it.
type bearer struct {
	token *atomic.Value // a string: requests are made ahead of the test
	next  http.RoundTripper
}

func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if token := b.token.Load().(string); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Header.Del("X-Seraph-LoginReason")
	}
	return resp, err
}

func TestRepliesThatAreErrors(t *testing.T) {
	t.Parallel()
	reply := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/myself") && status != http.StatusOK {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if !strings.HasSuffix(r.URL.Path, "/search") && status != http.StatusOK {
				io.WriteString(w, `{"deploymentType":"Server"}`)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler   http.HandlerFunc
		permanent bool
		words     []string
	}{
		"400": {reply(400, "application/json",
			`{"errorMessages":["The value 'NOPE' does not exist for the field 'project'."],"errors":{}}`), true,
			[]string{"The value 'NOPE' does not exist", "/search"}},
		"401": {reply(401, "text/html", `<title>Unauthorized (401)</title>`), true, []string{"401", "http.auth"}},
		"403": {reply(403, "application/json", `{"message":"no"}`), true, []string{"403", "permissions"}},
		"404": {reply(404, "text/html", `<title>Oops</title>`), true, []string{"404", "context path"}},
		"410": {reply(410, "application/json", `{"errorMessages":["The requested API has been removed."]}`), true,
			[]string{"410", "/search/jql", "flavour"}},
		"429": {reply(429, "text/html", `<title>429</title>`), false, []string{"429"}},
		"503": {reply(503, "text/html", `<title>Down</title>`), false, []string{"503"}},
		"login": {reply(200, "text/html;charset=UTF-8", "<html><head><title>Log in - Jira</title>"), false,
			[]string{"HTML page", "Log in - Jira", "login page or a proxy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(c.handler)
			defer srv.Close()
			h := newHost(t, &world{url: srv.URL}, map[string]any{"projects": []string{"NOPE"}})
			_, err := h.tryRun()
			wantError(t, err, c.permanent, c.words...)
		})
	}
}

func TestNothingVisible(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, Auth: jiratest.Auth{NoAnonymous: true}})
		w.fill(t, "ALPHA", 3, time.Minute)
		_, err := newHost(t, w, nil).tryRun()
		wantError(t, err, true, "http.auth")
		_, err = newHost(t, w, map[string]any{"projects": []string{"ALPHA"}}).tryRun()
		wantError(t, err, true, "ALPHA", "may not")
	})
}

// A token that dies between runs, and gives 200 with empty lists from then on, must not pass for
// "nothing new".
func TestTokenThatDies(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, Auth: jiratest.Auth{
			NoAnonymous: true, SilentFailure: true, Bearer: map[string]string{"good": "reader"},
		}})
		w.fill(t, "ALPHA", 3, time.Minute)
		h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
		var token atomic.Value
		token.Store("good")
		h.transport = bearer{&token, h.transport}
		wantKeys(t, h.run(), []string{"ALPHA-1", "ALPHA-2", "ALPHA-3"})
		w.advance(time.Hour)
		must(t, w.Edit("ALPHA-2", map[string]any{"summary": "while the token is dead"}))
		w.advance(time.Hour)
		token.Store("dead")
		_, err := h.tryRun()
		wantError(t, err, true, "token")
		token.Store("good")
		wantKeys(t, h.run(), []string{"ALPHA-2"})
	})
}

func TestRefusedCredentialsAreSeenInTheHeader(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
		io.WriteString(w, `[]`)
	}))
	t.Cleanup(srv.Close)
	_, err := newHost(t, &world{url: srv.URL}, nil).tryRun()
	wantError(t, err, true, "credentials were refused", "http.auth")
}

// A token that dies between the plan and the reads of one run.
func TestTokenThatDiesDuringTheRun(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 10, Auth: jiratest.Auth{
			NoAnonymous: true, SilentFailure: true, Bearer: map[string]string{"good": "reader"},
		}})
		keys := w.fill(t, "ALPHA", 60, time.Minute)
		h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
		var token atomic.Value
		token.Store("good")
		h.transport = bearer{&token, h.transport}
		cursors := 0
		h.afterCursor = func(string) error {
			if cursors++; cursors == 3 {
				token.Store("dead")
			}
			return nil
		}
		_, err := h.tryRun()
		wantError(t, err, true, "ALPHA")
		token.Store("good")
		h.afterCursor = nil
		wantKeys(t, h.run(), keys)
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 1, time.Minute)
		check := func(settings map[string]any) error {
			h := newHost(t, w, settings)
			return h.open().(sdk.Checker).Check(h.context(nil))
		}
		must(t, check(nil))
		must(t, check(map[string]any{"projects": []string{"ALPHA"}}))
		wantError(t, check(map[string]any{"projects": []string{"NOPE"}}), true, "NOPE")
		wantError(t, check(map[string]any{"url": w.url + "/elsewhere"}), true, "404", "context path")
	})
}

func TestURLAsCopiedFromABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{BasePath: "/jira"})
	keys := w.fill(t, "ALPHA", 2, time.Minute)
	w.advance(time.Hour)
	for _, more := range []string{"", "/", "//", "?a=b", "/?a=b", "/#top", "/?", " "} {
		wantKeys(t, newHost(t, w, map[string]any{"url": w.url + more}).run(), keys)
	}
	_, err := openWith(t, map[string]any{"url": strings.Replace(w.url, "http://", "http://ann:secret@", 1)})
	wantError(t, err, true, "url", "http.auth")
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// failing fails every request, as the host's transport does with the URL in its words, or as Go's
// without it.
type failing string

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New(string(f)) }

func TestErrorOfTheWireNamesTheURLOnce(t *testing.T) {
	t.Parallel()
	const url = "https://jira.example.org/rest/api/2/serverInfo"
	for _, says := range []string{"connection refused", "GET " + url + ": connection refused; 4 attempts"} {
		h := newHost(t, &world{url: "https://jira.example.org"}, nil)
		h.transport = failing(says)
		_, err := h.tryRun()
		wantError(t, err, false, "GET "+url+": connection refused")
		if n := strings.Count(err.Error(), url); n != 1 || strings.Contains(err.Error(), "Get ") {
			t.Errorf("the URL is there %d times: %v", n, err)
		}
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	for setting, value := range map[string]any{
		"url": "issues.example.org", "since": "yesterday", "jql": "status = Open order by rank", "flavour": "server",
		"page_size": 0, "projects": []string{""},
	} {
		raw := map[string]any{"url": "https://jira.example.org"}
		raw[setting] = value
		if _, err := openWith(t, raw); err == nil || !strings.Contains(fmt.Sprint(err), setting) ||
			!sdk.IsPermanent(err) {
			t.Errorf("%s = %v: %v", setting, value, err)
		}
	}
	if _, err := openWith(t, map[string]any{"url": "https://jira.example.org",
		"jql": `summary ~ "order by"`}); err != nil {
		t.Error(err)
	}
}

// A list of projects that ends before its end is no plan: the others would be taken for gone.
func TestProjectsThatEndBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{
		"a total":           `{"startAt":%d,"maxResults":2,"total":6,"values":[%s]}`,
		"a total, the last": `{"startAt":%d,"maxResults":2,"total":6,"isLast":true,"values":[%s]}`,
		"not the last":      `{"startAt":%d,"maxResults":2,"isLast":false,"values":[%s]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud})
			w.fill(t, "ALPHA", 2, time.Hour)
			h := newHost(t, w, nil)
			answer := func(req *http.Request) (*http.Response, error) {
				start, values := 0, `{"key":"ALPHA"},{"key":"BETA"}`
				if req.URL.Query().Get("startAt") != "0" {
					start, values = 2, ""
				}
				return always(http.StatusOK, fmt.Sprintf(page, start, values))(req)
			}
			s := &spoiling{next: h.transport, path: regexp.MustCompile(`/project/search$`), answer: answer}
			s.on.Store(true)
			h.transport = s
			_, err := h.tryRun("issues")
			wantError(t, err, false, "try again later")
		})
	}
}
