// A Jira for scripts.

package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
)

// jiraKey is where a script keeps its Jira.
type jiraKey struct{}

// scriptJira is the Jira of one script. Requests can be held, so that a script acts in the middle
// of a run.
type scriptJira struct {
	server  *jiraserver.Server
	release chan struct{} // closed: held requests go on
	stop    func()
	held    chan struct{} // gets a value when the first request is held
}

func jiraOf(ts *testscript.TestScript) *scriptJira {
	j := ts.Value(jiraKey{}).(*scriptJira)
	if j.server == nil {
		ts.Fatalf("start one with jira first")
	}
	return j
}

// startJira is
//
//	jira [-issues N] [-token TOKEN] [-cloud] [-tags]
//
// It starts a Jira with the projects ALPHA and BRAVO, and sets $JIRA to its URL.
func startJira(ts *testscript.TestScript, _ bool, args []string) {
	f := flag.NewFlagSet("jira", flag.ContinueOnError)
	issues := f.Int("issues", 20, "")
	token := f.String("token", "", "the only credential; anonymous callers see nothing")
	cloud := f.Bool("cloud", false, "")
	tags := f.Bool("tags", false, "replies have an ETag each, and conditional requests a 304")
	ts.Check(f.Parse(args))
	o := jiraserver.Options{Seed: 1}
	if *cloud {
		o.Flavour = jiraserver.Cloud
	}
	if *token != "" {
		o.Auth = jiraserver.Auth{Bearer: map[string]string{*token: "reader"}, NoAnonymous: true}
	}
	j := ts.Value(jiraKey{}).(*scriptJira)
	j.server = jiraserver.New(o)
	j.server.Generate(jiraserver.Synthetic{Projects: []jiraserver.Project{{Key: "ALPHA", Issues: *issues / 2},
		{Key: "BRAVO", Issues: *issues - *issues/2}}})
	handler := http.Handler(j.server)
	if *tags {
		handler = tagged(handler)
	}
	server := httptest.NewServer(handler)
	j.stop = sync.OnceFunc(server.Close)
	ts.Defer(func() {
		j.letGo()
		j.stop()
	})
	ts.Setenv("JIRA", server.URL)
}

// tagged puts tags on replies.
func tagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := httptest.NewRecorder()
		next.ServeHTTP(reply, r)
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256(reply.Body.Bytes()))
		maps.Copy(w.Header(), reply.Header())
		w.Header().Set("Etag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes()) // the client may have gone
	})
}

// stopJira shuts the Jira down.
func stopJira(ts *testscript.TestScript, _ bool, _ []string) { jiraOf(ts).stop() }

// commentOnIssue is jira-comment KEY TEXT...
func commentOnIssue(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: jira-comment KEY TEXT...")
	}
	_, err := jiraOf(ts).server.Comment(args[0], strings.Join(args[1:], " "))
	ts.Check(err)
}

// holdJira holds all searches for issues after the first ones, how many -after says.
func holdJira(ts *testscript.TestScript, _ bool, args []string) {
	f := flag.NewFlagSet("jira-hold", flag.ContinueOnError)
	after := f.Int64("after", 0, "")
	ts.Check(f.Parse(args))
	j := jiraOf(ts)
	release, held := make(chan struct{}), make(chan struct{}, 1)
	j.release, j.held = release, held
	var n atomic.Int64
	j.server.OnRequest(func(r *http.Request) {
		if !strings.Contains(r.URL.Path, "/search") || n.Add(1) <= *after {
			return
		}
		select {
		case held <- struct{}{}:
		default:
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
}

// waitForHeld waits until a request is held.
func waitForHeld(ts *testscript.TestScript, _ bool, _ []string) {
	select {
	case <-jiraOf(ts).held:
	case <-time.After(30 * time.Second):
		ts.Fatalf("no request came to be held")
	}
}

// releaseJira lets all requests go on, those to come too.
func releaseJira(ts *testscript.TestScript, _ bool, _ []string) { jiraOf(ts).letGo() }

func (j *scriptJira) letGo() {
	if j.release == nil {
		return
	}
	j.server.OnRequest(nil)
	close(j.release)
	j.release = nil
}
