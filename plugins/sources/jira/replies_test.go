// Replies that are not what was asked for, parts that stay bad, credentials that are refused:
// nothing is lost in silence, and nothing else is kept from being read.

package jira_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// spoiling answers the requests whose path fits in a way of its own, while it is told to.
type spoiling struct {
	next   http.RoundTripper
	path   *regexp.Regexp
	answer func(req *http.Request) (*http.Response, error)
	on     atomic.Bool
	asked  atomic.Int64
}

func (s *spoiling) RoundTrip(req *http.Request) (*http.Response, error) {
	if !s.on.Load() || !s.path.MatchString(req.URL.Path) {
		return s.next.RoundTrip(req)
	}
	s.asked.Add(1)
	return s.answer(req)
}

// always returns an answer that is the same each time.
func always(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		for n := 0; n < len(header); n += 2 {
			w.Header().Set(header[n], header[n+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
		resp := w.Result()
		resp.Request = req
		return resp, nil
	}
}

var partStreams = []string{
	"issues", "comments", "changelog", "worklogs", "attachments", "issue_links", "remote_links", "votes", "watchers",
	"issue_properties",
	"worklog_feed", "boards", "sprints", "priorities",
}

// fullWorld has two issues with something of everything, more of it than a search brings.
func fullWorld(t *testing.T, f jiratest.Flavour) *world {
	t.Helper()
	w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 5,
		Auth: jiratest.Auth{Bearer: map[string]string{"secret": "root"}}})
	for n, key := range w.fill(t, "ALPHA", 2, time.Minute) {
		for i := range 25 {
			_, err := w.AddWorklog(key, time.Hour, fmt.Sprint("work ", i))
			must(t, err)
			_, err = w.Comment(key, fmt.Sprint("comment ", i))
			must(t, err)
		}
		_, err := w.AddRemoteLink(key, "https://example.org/"+key, "a link")
		must(t, err)
		must(t, w.Vote(key, "renske", true))
		must(t, w.Watch(key, "renske", true))
		must(t, w.SetProperty(key, fmt.Sprint("property", n), `{"a":1}`))
	}
	w.AddBoard("ALPHA", "one", "scrum")
	w.AddBoard("ALPHA", "two", "scrum")
	w.advance(time.Hour)
	return w
}

// fullHost is a host that is logged in at a world.
func fullHost(t *testing.T, w *world) *host {
	h := newHost(t, w, nil)
	token := &atomic.Value{}
	token.Store("secret")
	h.transport = bearer{token, h.transport}
	return h
}

// TestEveryPlaceReadsWhatWasAskedFor spoils one kind of reply after the other. The run must fail,
// or say what is missing; and when the server is well again, the sink must come to hold what one
// that was never disturbed holds.
//
//ci:plain
func TestEveryPlaceReadsWhatWasAskedFor(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	places := []string{
		`/serverInfo$`, `/myself$`, `/project(/search)?$`, `/field$`, `/search(/jql)?$`, `/comment$`, `/worklog$`,
		`/remotelink$`, `/votes$`, `/watchers$`,
		`/properties$`, `/properties/`, `/worklog/updated$`, `/worklog/list$`, `/board$`, `/board/\d+/sprint$`,
		`/priority(/search)?$`,
	}
	bodies := []string{
		`{"errorMessages":["The search index is being rebuilt"],"errors":{}}`, `{}`, `null`, `[]`,
		`<html><title>Log in</title></html>`,
	}
	legal := map[string][]string{ // an empty list is what was asked for
		`/field$`: {`[]`}, `/remotelink$`: {`[]`}, `/priority(/search)?$`: {`[]`}, `/board/\d+/sprint$`: nil,
	}
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := fullWorld(t, f)
		clean := fullHost(t, w)
		clean.run(partStreams...)
		var idle []string
		for _, place := range places {
			for _, body := range bodies {
				name := place + " " + body
				if slices.Contains(legal[place], body) {
					continue
				}
				h := fullHost(t, w)
				h.attempts = 3
				s := &spoiling{next: h.transport, path: regexp.MustCompile(place), answer: always(http.StatusOK, body)}
				h.transport = s
				s.on.Store(true)
				got, err := h.tryRun(partStreams...)
				if s.asked.Load() == 0 {
					idle = append(idle, place)
					continue
				}
				if err == nil && len(got.missing()) == 0 {
					t.Errorf("%s: the run is complete", name)
				}
				s.on.Store(false)
				if missing := h.run(partStreams...).missing(); len(missing) > 0 {
					t.Errorf("%s: still missing: %v", name, missing)
				}
				if diff := differing(clean.kept(), h.kept()); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		}
		if len(idle) > 0 {
			t.Errorf("never asked: %q", idle)
		}
	})
}

var fetched = regexp.MustCompile(`"fetched_at":"[^"]*"`)

// differing compares what two sinks hold, but for when it was fetched.
func differing(want, got keyed) string {
	steady := func(raw []byte) []byte { return fetched.ReplaceAll(volatile.ReplaceAll(raw, nil), nil) }
	for stream, records := range want {
		if len(got[stream]) != len(records) {
			return fmt.Sprintf("%s: %d records, want %d", stream, len(got[stream]), len(records))
		}
		for key, record := range records {
			if !bytes.Equal(steady(record), steady(got[stream][key])) {
				return fmt.Sprintf("%s %s:\n%s\nwant\n%s", stream, key, got[stream][key], record)
			}
		}
	}
	return ""
}

// TestOnePartThatStaysBad: one list of one issue for which the server answers 500 each time costs
// itself alone, in this run and in the next ones, until it can be had.
func TestOnePartThatStaysBad(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := fullWorld(t, f)
		clean := fullHost(t, w)
		clean.run(partStreams...)
		for part, stream := range map[string]string{
			"remotelink": "remote_links", "votes": "votes", "watchers": "watchers", "properties": "issue_properties",
			"worklog": "worklogs", "comment": "comments",
		} {
			h := fullHost(t, w)
			h.attempts = 2
			s := &spoiling{next: h.transport, path: regexp.MustCompile(`/issue/` + idOf(t, w, "ALPHA-1") + `/` + part),
				answer: always(500, `{"errorMessages":["boom"]}`)}
			h.transport = s
			s.on.Store(true)
			got := h.run(partStreams...)
			if s.asked.Load() == 0 {
				continue // all of it came with the search
			}
			wantKeys(t, got, []string{"ALPHA-1", "ALPHA-2"})
			wantMissing(t, got, stream+" of issues", "500", "boom")
			// The others go on, and it is not delivered again for nothing.
			must(t, w.Edit("ALPHA-2", map[string]any{"summary": "edited for " + part}))
			w.advance(time.Hour)
			got = h.run(partStreams...)
			wantKeys(t, got, []string{"ALPHA-2"})
			wantMissing(t, got, stream+" of issues", "500", "boom")
			s.on.Store(false)
			got = h.run(partStreams...)
			wantKeys(t, got, []string{"ALPHA-1"})
			if missing := got.missing(); len(missing) > 0 {
				t.Errorf("%s: still missing: %v", part, missing)
			}
			wantKeys(t, h.run(partStreams...), nil)
			clean.run(partStreams...)
			if diff := differing(clean.kept(), h.kept()); diff != "" {
				t.Errorf("%s: %s", part, diff)
			}
		}
	})
}

// A server in trouble is no bad part: nothing is left out, the split fails.
func TestServerInTroubleIsNoBadPart(t *testing.T) {
	t.Parallel()
	w := fullWorld(t, jiratest.DataCenter)
	h := fullHost(t, w)
	h.attempts = 4
	s := &spoiling{next: h.transport, path: regexp.MustCompile(`/votes$`), answer: always(503, "")}
	down := &spoiling{next: s, path: regexp.MustCompile(`/serverInfo$`), answer: always(503, "")}
	h.transport = down
	s.on.Store(true)
	s.answer = func(req *http.Request) (*http.Response, error) {
		down.on.Store(true)
		return always(503, "")(req)
	}
	got, err := h.tryRun(partStreams...)
	if err == nil || len(got.missing()) > 0 {
		t.Errorf("%v, missing %v; want an error, and nothing left out", err, got.missing())
	}
}

// filing keeps files as the host does, or says why not.
type filing struct {
	fail func(url string, e reply.Expect) error // nil: it is kept
	kept map[string]bool                        // by key
}

func (f *filing) keep(req *http.Request, key string, e reply.Expect) (reply.File, error) {
	err := f.fail(req.URL.String(), e)
	if err != nil && !f.kept[key] {
		return reply.File{}, err
	}
	f.kept[key] = true
	return reply.File{Path: "ab/abc", SHA256: "abc", Size: *e.Size}, nil
}

// TestFileThatCannotBeHad: it costs no record, its record says why, and it is asked for again where
// that may help.
func TestFileThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		says  string
		again bool
	}{
		"a login page": {&reply.NotKept{Status: 200, Problem: "a page of HTML came"}, "a page of HTML came", true},
		"always 500":   {&reply.NotKept{Status: 500}, "500 Internal Server Error", true},
		"401":          {&reply.NotKept{Status: 401}, "401 Unauthorized", true},
		"another host": {&reply.NotKept{Err: sdk.Permanent(errors.New("plugin may not ask it"))},
			"plugin may not ask it",
			true},
		"host is down": {&reply.NotKept{Err: errors.New("no such host")}, "no such host", true},
		"404":          {&reply.NotKept{Status: 404}, "404 Not Found", false},
		"too long": {&reply.NotKept{Status: 200, TooLong: true, Problem: "the file is too long"},
			"the file is too long", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, jiratest.Options{Flavour: jiratest.DataCenter})
			keys := w.fill(t, "ALPHA", 3, time.Minute)
			_, err := w.Attach(keys[0], "report.txt", "text/plain", make([]byte, 1234))
			must(t, err)
			_, err = w.Attach(keys[1], "fine.txt", "text/plain", make([]byte, 7))
			must(t, err)
			w.advance(time.Hour)
			h := newHost(t, w, map[string]any{"keep_files": true})
			h.attempts = 2
			bad := true
			h.keep = (&filing{kept: map[string]bool{}, fail: func(url string, e reply.Expect) error {
				if e.Size == nil || e.Type == "" {
					t.Errorf("%s: nothing is expected: %+v", url, e)
				}
				if bad && strings.Contains(url, "report.txt") {
					return c.err
				}
				return nil
			}}).keep
			streams := []string{"issues", "attachments"}
			file := func() string {
				for _, raw := range h.kept()["attachments"] {
					if bytes.Contains(raw, []byte(`"filename":"report.txt"`)) {
						return string(raw)
					}
				}
				return ""
			}
			got := h.run(streams...)
			wantKeys(t, got, keys)
			if !strings.Contains(file(), `"file_problem":"`+c.says) || c.again != (len(got.missing()) > 0) {
				t.Errorf("%s, missing %v", file(), got.missing())
			}
			if again := h.run(streams...); c.again != (len(again.missing()) > 0) || len(again.of(t, "issues")) > 0 {
				t.Errorf("the second run: missing %v, %d issues", again.missing(), len(again.of(t, "issues")))
			}
			bad = false
			got = h.run(streams...)
			if c.again && (!strings.Contains(file(), `"file_problem":null`) ||
				!strings.Contains(file(), `"size":1234`)) {
				t.Errorf("when it can be had: %s", file())
			}
			if len(got.missing()) > 0 || len(h.run(streams...).of(t, "attachments")) > 0 {
				t.Errorf("in the end: missing %v", got.missing())
			}
		})
	}
}

// TestCredentialsThatAreRefused: a refusal anywhere ends what was asked for; a site that answers
// others as it answers anybody is not read so.
func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	credential := []string{hint.Credential, `auth "bearer" of jira.hcl:3`}
	login := []string{hint.Login, `the credential was refused: check auth "bearer" of jira.hcl:3`}
	captcha := []string{"X-Authentication-Denied-Reason",
		"CAPTCHA_CHALLENGE; login-url=https://jira.example/login.jsp?secret=1"}
	for name, c := range map[string]struct {
		path   string
		answer func(*http.Request) (*http.Response, error)
		says   []string // nil: the run is fine
	}{
		"401 of myself": {`/myself$`, always(401, `{}`, slices.Concat(credential, login)...),
			[]string{"refused", "jira.hcl:3"}},
		"403 of myself": {`/myself$`, always(403, `{}`, credential...),
			[]string{"403", "check http.auth"}},
		"401 without a credential": {`/myself$`, always(401, `{}`), nil},
		"401 that says so without one": {`/myself$`,
			always(401, `{}`, "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), nil},
		"a token that may not ask": {`/myself$`,
			always(401, `{"code":401,"message":"Unauthorized; scope does not match"}`, credential...), nil},
		"a locked account, 403": {`/serverInfo$`, always(403, `<html>`, captcha...),
			[]string{"with a browser first (at https://jira.example/login.jsp)", "http.auth"}},
		"a locked account, 401": {`/search`, always(401, `<html>`, captcha...),
			[]string{"with a browser first"}},
		"a locked account, 200": {`/search`,
			always(200, `{}`, "X-Seraph-LoginReason", "AUTHENTICATION_DENIED"), []string{"with a browser first"}},
		"a 200 as to anybody": {`/search`,
			always(200, `{"issues":[],"total":0}`, "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"),
			[]string{"refused"}},
		"401 for a list alone":           {`/votes$`, always(401, `{}`, credential...), nil},
		"401 for a list, and everywhere": {`/votes$|/myself$`, nil, []string{"refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fullWorld(t, jiratest.DataCenter)
			h := fullHost(t, w)
			s := &spoiling{next: h.transport, path: regexp.MustCompile(c.path), answer: c.answer}
			if c.answer == nil { // the token dies while it is read
				var logins atomic.Int64
				s.answer = func(req *http.Request) (*http.Response, error) {
					if strings.HasSuffix(req.URL.Path, "/myself") && logins.Add(1) == 1 {
						return always(200, `{"name":"me"}`)(req)
					}
					return always(401, `{}`, slices.Concat(credential, login)...)(req)
				}
			}
			h.transport = s
			s.on.Store(true)
			got, err := h.tryRun("issues", "votes")
			if len(c.says) == 0 {
				must(t, err)
				wantKeys(t, got, []string{"ALPHA-1", "ALPHA-2"})
				return
			}
			wantError(t, err, true, c.says...)
			if strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
		})
	}
}

// TestListsOfIssuesThatAreShort: a list of an issue that is shorter than its total is missing, and
// asked for again. If it is still short then, it is said, and the runs are complete: the account
// may not see the rest.
func TestListsOfIssuesThatAreShort(t *testing.T) {
	t.Parallel()
	streams := []string{"issues", "comments", "worklogs"}
	short := always(http.StatusOK, `{"startAt":0,"maxResults":20,"total":25,"comments":[],"worklogs":[]}`)
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, heals := range []bool{true, false} {
			w := fullWorld(t, f)
			clean, h := fullHost(t, w), fullHost(t, w)
			clean.run(streams...)
			h.attempts = 9
			s := &spoiling{next: h.transport, path: regexp.MustCompile(`/(comment|worklog)$`), answer: short}
			h.transport = s
			s.on.Store(true)
			got := h.run(streams...)
			wantKeys(t, got, []string{"ALPHA-1", "ALPHA-2"})
			wantMissing(t, got, "comments of issues", "ends before its total")
			wantMissing(t, got, "worklogs of issues", "ends before its total")
			s.on.Store(!heals)
			again := h.run(streams...)
			if missing := again.missing(); len(missing) > 0 {
				t.Errorf("heals %v: still missing: %v", heals, missing)
			}
			if n := again.counters["comments/counted and not shown"]; (n > 0) == heals {
				t.Errorf("heals %v: %d counted and not shown", heals, n)
			}
			if diff := differing(clean.kept(), h.kept()); heals && diff != "" {
				t.Error(diff)
			}
			asked := s.asked.Load()
			if h.run(streams...); s.asked.Load() != asked {
				t.Errorf("heals %v: they are asked for in every run", heals)
			}
		}
	})
}

// TestWorklogsThatAreNamedAndDoNotCome: a few may be hidden or deleted, and are counted.
func TestWorklogsThatAreNamedAndDoNotCome(t *testing.T) {
	t.Parallel()
	for n, fails := range map[int]bool{3: false, 11: true} {
		w := newWorld(t, jiratest.Options{Auth: jiratest.Auth{Bearer: map[string]string{"secret": "root"}}})
		key := w.fill(t, "ALPHA", 1, time.Minute)[0]
		for range n {
			_, err := w.AddWorklog(key, time.Hour, "work")
			must(t, err)
		}
		w.advance(time.Hour)
		h := fullHost(t, w)
		s := &spoiling{next: h.transport, path: regexp.MustCompile(`/worklog/list$`),
			answer: always(http.StatusOK, `[]`)}
		h.transport = s
		s.on.Store(true)
		got, err := h.tryRun("worklog_feed")
		if (err != nil) != fails || !fails && got.counters["worklog_feed/named and not shown"] != int64(n) {
			t.Errorf("%d worklogs: %v, %v", n, err, got.counters)
		}
	}
}

// TestCloudThatCountsMoreThanItShows: the count of Cloud is an estimate, so it is said and no more.
func TestCloudThatCountsMoreThanItShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud})
	keys := w.fill(t, "ALPHA", 12, time.Hour)
	h := newHost(t, w, nil)
	each(t, keys[5:], w.Skip)
	got := h.run("issues")
	wantKeys(t, got, keys[:5])
	if n := got.counters["issues/counted and not shown"]; n != 7 {
		t.Errorf("%d are said to be counted and not shown, want 7", n)
	}
}

// TestCredentialsThatDieInTheMiddle lets the login end at every request of a run in turn: Jira goes
// on to answer as it answers anybody, with 200 and less. The run is not complete then, and with the
// right login it comes to what an undisturbed one has.
func TestCredentialsThatDieInTheMiddle(t *testing.T) {
	t.Parallel()
	streams := []string{
		"issues", "comments", "worklogs", "votes", "worklog_feed", "boards", "sprints", "priorities", "census",
	}
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for _, named := range []bool{true, false} {
			t.Run(fmt.Sprint("named ", named), func(t *testing.T) {
				t.Parallel()
				w := fullWorld(t, f)
				clean := fullHost(t, w)
				clean.run(streams...)
				dead := 0
				for after := int64(0); ; after += 2 {
					h := fullHost(t, w)
					h.settings["page_size"] = 1
					d := &dying{next: h.transport, after: after, named: named}
					h.transport = d
					got, err := h.tryRun(streams...)
					if d.asked.Load() <= after {
						break
					}
					d.well.Store(true)
					switch {
					case err == nil:
					case got.splits == nil:
						h.run(streams...)
					default:
						got.goOn(t, h)
					}
					if err != nil {
						dead++
						wantError(t, err, true, "http.auth")
					}
					if diff := differing(clean.kept(), h.kept()); diff != "" {
						t.Errorf("after %d requests (%v): %s", after, err, diff)
					}
				}
				if dead < 5 {
					t.Errorf("only %d runs were cut short", dead)
				}
			})
		}
	})
}

// dying is a login that ends after some requests.
type dying struct {
	next  http.RoundTripper
	after int64
	named bool // replies say whom they are for
	asked atomic.Int64
	well  atomic.Bool
}

func (d *dying) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.next.RoundTrip(req)
	if d.asked.Add(1) > d.after && !d.well.Load() && err == nil {
		body := `{"values":[]}`
		switch path := req.URL.Path; {
		case strings.HasSuffix(path, "/serverInfo"), strings.Contains(path, "/project/"):
			d.say(resp, "anonymous")
			return resp, nil
		case strings.HasSuffix(path, "/myself"):
			return always(http.StatusUnauthorized, `{}`, hint.Credential, `auth "bearer" of jira.hcl:3`)(req)
		case strings.Contains(path, "/search"), strings.HasSuffix(path, "/bulkfetch"):
			body = `{"startAt":0,"maxResults":100,"total":0,"issues":[],"values":[],"count":0,` +
				`"isLast":true,"issueChangeLogs":[]}`
		case strings.HasSuffix(path, "/priority"), strings.HasSuffix(path, "/field"),
			strings.HasSuffix(path, "/worklog/list"):
			body = `[]`
		case strings.HasSuffix(path, "/comment"):
			body = `{"total":0,"comments":[]}`
		case strings.HasSuffix(path, "/worklog"):
			body = `{"total":0,"worklogs":[]}`
		case strings.HasSuffix(path, "/votes"):
			body = `{"votes":0,"voters":[]}`
		case strings.HasSuffix(path, "/project"):
			body = `[{"key":"ALPHA"}]`
		}
		d.say(resp, "anonymous")
		resp.Body.Close()
		return always(http.StatusOK, body, "X-AUSERNAME", resp.Header.Get("X-AUSERNAME"))(req)
	}
	if err == nil && !d.named {
		d.say(resp, "")
	}
	return resp, err
}

// say has a reply say whom it is for, where the flavour does and the test lets it.
func (d *dying) say(resp *http.Response, who string) {
	if d.named && resp.Header.Get("X-AUSERNAME") != "" {
		resp.Header.Set("X-AUSERNAME", who)
		return
	}
	resp.Header.Del("X-AUSERNAME")
	resp.Header.Del("X-AACCOUNTID")
}

// TestWholeNumbersAsFloats: a Jira that writes 3.0 for 3 is read like any other.
func TestWholeNumbersAsFloats(t *testing.T) {
	t.Parallel()
	whole := regexp.MustCompile(`("(?:startAt|maxResults|total|votes|watchCount|count|worklogId|updatedTime|timespent|timeoriginalestimate|size|id|since|until)":\s*)(\d+)([,}\]])`)
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := fullWorld(t, f)
		plain, h := fullHost(t, w), fullHost(t, w)
		plain.run(partStreams...)
		next := h.transport
		h.transport = roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return nil, err
			}
			resp.Body = io.NopCloser(bytes.NewReader(whole.ReplaceAll(body, []byte("${1}${2}.0${3}"))))
			return resp, nil
		})
		h.run(partStreams...)
		for stream, records := range plain.kept() {
			if len(h.kept()[stream]) != len(records) {
				t.Errorf("%s: %d records, want %d", stream, len(h.kept()[stream]), len(records))
			}
			for key, record := range records {
				got := h.kept()[stream][key]
				before, _, _ := bytes.Cut(record, []byte(`"raw":`))
				after, _, _ := bytes.Cut(got, []byte(`"raw":`))
				if !bytes.Equal(fetched.ReplaceAll(before, nil), fetched.ReplaceAll(after, nil)) {
					t.Errorf("%s %s:\n%s\nwant\n%s", stream, key, after, before)
				}
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
