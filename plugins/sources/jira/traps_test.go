// Traps that Jira and those before us have fallen into, and the test of each:
//
//	server lowers maxResults            TestFullWithPagesOfAllSizes
//	total grows, shrinks or lies        TestDeletionsDuringTheWalkLoseNothing, TestEndThatASearchClaimsIsNotBelieved
//	many issues in one minute           TestBulkEditOfMoreThanAPage, TestEndThatASearchClaimsIsNotBelievedWithinAMinute
//	account not in UTC, summer time     TestIncrementalDeliversEachChangeOnce, TestHourThatComesTwice
//	500 beyond the result window        TestNothingIsLostBeyondTheResultWindow
//	429 in all its forms                TestRepliesThatAreErrors, and the host's: core/internal/fetch
//	page token repeats or expires       TestPageTokensThatMisbehave
//	410 of the old search               TestRepliesThatAreErrors
//	dead token: 200 and nothing         TestTokenThatDies, TestTokenThatDiesDuringTheRun, TestNothingVisible
//	400 must surface                    TestRepliesThatAreErrors
//	embedded lists are cut              TestCutListsAreCompleted, TestCommentsAreNotBelievedToBeWhole
//	field that differs at every fetch   TestTwoEditsWithinOneSecond, TestReadingASplitAgainGivesEqualRecords
//	moved issue: same id, new key       TestMovedIssueKeepsItsID, TestMovedIssueIsNotDeleted
//	null author, control characters     TestOddContentPassesUntouched, TestControlCharactersInStringsAreEscaped
//	flavour changes under the same name TestOtherFlavourUnderTheSameNameGoesOn
//	bulk fetch leaves out in silence    TestDeletedIssueIsDeletedInAllStreams, TestDoubtfulIssueIsNotDeleted
//	edited more often than the job runs TestEditsDuringTheWalkArrive
//	paging a mutable order              TestEditsDuringTheWalkArrive, TestDifferentialHistories
//	deletions show in no search         TestDeletedIssueIsDeletedInAllStreams
//	lost permission looks like deletion TestHiddenIssueComesBack, TestMassLossDeletesNothing

package jira_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiratest"
)

// In the account's zone the hour before the end of summer time comes twice: a date string would name either.
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
	body = regexp.MustCompile(`"issueErrors":\[\]`).ReplaceAll(body, []byte(`"issueErrors":[{"id":"`+d.id+`","errorMessage":"try again"}]`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

func TestDoubtfulIssueIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, jiratest.Options{Flavour: jiratest.Cloud})
	w.fill(t, "ALPHA", 6, time.Minute)
	h := newHost(t, w, map[string]any{"deletions": true})
	h.run(withCensus...)
	id := idOf(t, w, "ALPHA-2")
	must(t, w.Hide("ALPHA-2"))
	w.advance(time.Hour)
	plain := h.transport
	h.transport = doubting{id, plain}
	got := h.run(withCensus...)
	wantStates(t, got, id, "unobserved")
	if len(got.deleted["issues"]) > 0 {
		t.Errorf("deleted %s", got.deleted["issues"])
	}
	h.transport = plain
	wantStates(t, h.run(withCensus...), id, "deleted")
}
