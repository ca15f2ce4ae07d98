// Traps that Jira and those before us have fallen into, and the tests of each. They run against
// both flavours, but for what only one has: Data Center a result window (dc), Cloud page tokens, a
// search that is gone and bulk requests (cloud).
//
//	server lowers maxResults
//		TestFullWithPagesOfAllSizes
//	total grows, shrinks or lies
//		TestDeletionsDuringTheWalkLoseNothing, TestEndThatASearchClaimsIsNotBelieved
//	many issues in one minute
//		TestBulkEditOfMoreThanAPage, TestEndThatASearchClaimsIsNotBelievedWithinAMinute
//	account not in UTC, summer time
//		TestIncrementalDeliversEachChangeOnce, TestHourThatComesTwice
//	500 beyond the result window (dc)
//		TestNothingIsLostBeyondTheResultWindow
//	429 in all its forms
//		TestRefusalsAreNotTheEnd; the host waits: TestHints and
//		TestResetAloneIsObeyed of core/internal/fetch
//	token repeats or expires (cloud)
//		TestPageTokensThatMisbehave, TestPageTokenThatExpiresOnTheWay
//	no token, or always one (cloud)
//		TestEndThatASearchClaimsIsNotBelieved, TestSearchThatCannotBeReadToItsEnd
//	410 of the old search (cloud)
//		TestOldSearchThatIsGone
//	dead token: 200 and nothing
//		TestTokenThatDies, TestTokenThatDiesDuringTheRun, TestNothingVisible
//	400 must surface
//		TestListedProjectThatNoSearchKnowsIsLeftOut, TestRepliesThatAreErrors
//	comments cut, the oldest missing
//		TestCutListsAreCompleted, TestCommentsAreNotBelievedToBeWhole
//	worklogs cut at 20, histories at 100, or 40 by id (cloud)
//		TestIssueStreamsMatchTheServer, TestIssueThatComesBackIsWhole
//	field that differs at every fetch
//		TestTwoEditsWithinOneSecond, TestReadingASplitAgainGivesEqualRecords
//	moved issue: same id, new key
//		TestMovedIssueKeepsItsID, TestMovedIssueIsNotDeleted, TestContentOfIssues
//	renamed project
//		TestProjectThatIsRenamedWhileItIsRead, TestTwoCensusesThatDifferAboutAnIssue
//	deleted users
//		TestDeletedUsers
//	null author, control characters
//		TestOddContentPassesUntouched, TestControlCharactersInStringsAreEscaped
//	flavour changes under the same name TestOtherFlavourUnderTheSameNameGoesOn
//	bulk leaves out in silence (cloud)
//		TestDeletedIssueIsDeletedInAllStreams, TestChangelogsThatTheBulkLeavesOut
//	server cannot tell just now
//		TestDoubtfulIssueIsNotDeleted
//	attachments redirect elsewhere
//		TestAttachmentsAreKept of cmd/scrapekit
//	edited more often than the job runs TestEditsDuringTheWalkArrive
//	paging a mutable order
//		TestEditsDuringTheWalkArrive, TestDifferentialHistories
//	deletions show in no search
//		TestDeletedIssueIsDeletedInAllStreams
//	lost permission looks like deletion TestHiddenIssueComesBack, TestMassLossDeletesNothing
//	hidden for a while
//		TestEditThatIsHiddenFromTheWalkArrives, TestIssueThatVanishesAndComesBackIsReadWhole

package jira_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
)

// In the account's zone the hour before the end of summer time comes twice: a date string would
// name either.
func TestHourThatComesTwice(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Skip("no time zones here: ", err)
		}
		w := newWorld(t, jiratest.Options{Flavour: f, TimeZone: zone, JQLPrecision: time.Minute})
		w.advance(time.Date(2024, 10, 26, 23, 30, 0, 0, time.UTC).Sub(w.now()))
		keys := w.fill(t, "ALPHA", 12, 15*time.Minute) // over the change at 01:00 UTC
		h := newHost(t, w, map[string]any{"split_size": 3})
		wantKeys(t, h.run(), keys)
		w.advance(-3 * time.Hour)
		w.advance(30 * time.Minute) // 00:00 UTC, 02:00 in summer
		h = newHost(t, w, nil)
		h.run()
		for _, key := range keys[:6] {
			must(t, w.Edit(key, map[string]any{"summary": "edited in an hour that comes again"}))
			w.advance(15 * time.Minute)
		}
		wantKeys(t, h.run(), keys[:6])
		wantKeys(t, h.run(), nil)
	})
}

// Whatever a refusal looks like, it is a temporary error and not the end of the data. Waiting is
// the host's.
func TestRefusalsAreNotTheEnd(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for form := jiratest.RetryAfterSeconds; form <= jiratest.ResetOnly; form++ {
			w := newWorld(t, jiratest.Options{Flavour: f, MaxResults: 4,
				Limit: &jiratest.Limit{PerSecond: 1, Burst: 8, Form: form}})
			keys := w.fill(t, "ALPHA", 20, time.Minute)
			w.OnRequest(func(*http.Request) { w.advance(300 * time.Millisecond) })
			h := newHost(t, w, map[string]any{"projects": []string{"ALPHA"}})
			h.attempts = 100
			wantKeys(t, h.run(), keys)
			if refused := statuses(w)[http.StatusTooManyRequests]; refused == 0 {
				t.Errorf("form %d: nothing was refused", form)
			}
		}
	})
}

// statuses returns how many replies had which status.
func statuses(w *world) map[int]int {
	all := map[int]int{}
	for _, route := range w.Stats().Routes {
		for status, n := range route {
			all[status] += n
		}
	}
	return all
}

func TestOldSearchThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud})
	w.fill(t, "ALPHA", 3, time.Minute)
	_, err := newHost(t, w, map[string]any{"flavour": "datacenter", "projects": []string{"ALPHA"}}).tryRun()
	wantError(t, err, true, "410", "/search/jql", "flavour")
	if n := statuses(w)[http.StatusGone]; n == 0 || n > 2 {
		t.Errorf("asked %d times for what is gone", n)
	}
}

// Who was deleted is null on Data Center, and a former user on Cloud. What they wrote stays.
func TestDeletedUsers(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w, h := listWorld(t, jiratest.Options{Flavour: f}, nil)
		w.advance(time.Hour)
		streams := []string{"issues", "comments", "worklogs", "changelog", "attachments"}
		authors := func(got *harvest) map[string]string {
			all := map[string]string{}
			for _, raw := range got.records["comments"] {
				var c struct{ ID, Author string }
				must(t, json.Unmarshal(raw, &c))
				all[c.ID] = c.Author
			}
			return all
		}
		before := authors(h.run(streams...))
		for _, u := range w.Truth(w.url, "root").Of("users") {
			var user struct{ DisplayName string }
			must(t, json.Unmarshal(u.JSON, &user))
			_ = w.DeleteUser(user.DisplayName) // some must stay
		}
		fresh := newHost(t, w, nil)
		fresh.transport = h.transport
		got := fresh.run(streams...)
		validate(t, got)
		checkKept(t, w, fresh, streams)
		after, gone := authors(got), 0
		want := map[jiratest.Flavour]string{jiratest.Cloud: "Former user"}[f]
		for id, author := range before {
			switch after[id] {
			case author:
			case want:
				gone++
			default:
				t.Errorf("comment %s is by %q, was by %q", id, after[id], author)
			}
		}
		if gone == 0 || len(after) != len(before) {
			t.Errorf("%d comments, %d of deleted users; there were %d", len(after), gone, len(before))
		}
	})
}

// What is read by id is completed like what a search brings: Cloud cuts the changelog at 40 there.
func TestIssueThatComesBackIsWhole(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f, EmbeddedComments: 5})
		w.fill(t, "ALPHA", 4, time.Minute)
		for n := range 45 {
			must(t, w.Edit("ALPHA-2", map[string]any{"summary": fmt.Sprint("edit ", n)}))
			_, err := w.Comment("ALPHA-2", "a word")
			must(t, err)
			_, err = w.AddWorklog("ALPHA-2", time.Hour, "work")
			must(t, err)
			w.advance(time.Second)
		}
		must(t, w.Hide("ALPHA-2"))
		w.advance(time.Hour)
		h := newHost(t, w, map[string]any{"deletions": true})
		streams := []string{"issues", "comments", "worklogs", "changelog"}
		h.run(streams...)
		must(t, w.Show("ALPHA-2"))
		w.advance(time.Hour)
		got := h.run(streams...)
		wantKeys(t, got, []string{"ALPHA-2"})
		checkKept(t, w, h, streams)
		if r := got.of(t, "issues")[0]; !r.CommentsComplete || !r.ChangelogComplete {
			t.Errorf("comments complete: %v, changelog: %v", r.CommentsComplete, r.ChangelogComplete)
		}
	})
}

// The bulk request for changelogs leaves out whom it likes: they are asked for alone.
func TestChangelogsThatTheBulkLeavesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud})
	w.fill(t, "ALPHA", 3, time.Minute)
	for n := range 110 {
		must(t, w.Edit("ALPHA-2", map[string]any{"summary": fmt.Sprint("edit ", n)}))
	}
	w.advance(time.Hour)
	h := newHost(t, w, nil)
	h.transport = answering{h.transport, "/changelog/bulkfetch", `{"issueChangeLogs":[]}`}
	got := h.run("issues", "changelog")
	checkKept(t, w, h, []string{"issues", "changelog"})
	if got.counters["requests/changelog bulk"] != 1 || got.counters["requests/changelog"] == 0 {
		t.Errorf("counters: %v", got.counters)
	}
}

// failingAt answers requests whose path ends so with a status.
type failingAt struct {
	end    string
	status int
	next   http.RoundTripper
}

func (f failingAt) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.next.RoundTrip(req)
	if err == nil && strings.HasSuffix(req.URL.Path, f.end) {
		resp.Body.Close()
		resp.StatusCode, resp.Body = f.status, http.NoBody
	}
	return resp, err
}

// doubting is a Cloud that cannot give some issue of a bulk fetch just now.
type doubting struct {
	id   string
	next http.RoundTripper
}

func (d doubting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := d.next.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/bulkfetch") {
		return resp, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = regexp.MustCompile(`"issueErrors":\[\]`).ReplaceAll(body,
		[]byte(`"issueErrors":[{"id":"`+d.id+`","errorMessage":"try again"}]`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// Where a server cannot say what became of an issue, that is not for ever: Cloud names it among the
// errors of a bulk fetch, Data Center fails when it is asked for.
func TestDoubtfulIssueIsNotDeleted(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		w := newWorld(t, jiratest.Options{Flavour: f})
		w.fill(t, "ALPHA", 6, time.Minute)
		h := newHost(t, w, map[string]any{"deletions": true})
		h.run(withCensus...)
		id := idOf(t, w, "ALPHA-2")
		must(t, w.Delete("ALPHA-2"))
		w.advance(time.Hour)
		plain := h.transport
		if f == jiratest.Cloud {
			h.transport = doubting{id, plain}
			got := h.run(withCensus...)
			wantStates(t, got, id, "unobserved")
			if len(got.deleted["issues"]) > 0 {
				t.Errorf("deleted %s", got.deleted["issues"])
			}
		} else {
			h.transport = failingAt{"/issue/" + id, http.StatusServiceUnavailable, plain}
			got, err := h.tryRun(withCensus...)
			wantError(t, err, false, "503")
			if len(got.deleted["issues"]) > 0 {
				t.Errorf("deleted %s", got.deleted["issues"])
			}
		}
		h.transport = plain
		wantStates(t, h.run(withCensus...), id, "deleted")
	})
}
