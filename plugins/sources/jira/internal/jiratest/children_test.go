// Tests of the children of issues: their routes, feeds and bulk reads.

package jiratest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// as makes a request as a known user.
func as(t *testing.T, method, address, body string, status int, into any) http.Header {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer t")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, reply, status, into)
}

var known = Auth{Bearer: map[string]string{"t": "mlindqvist"}}

func TestWorklogFeeds(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Now: c.now, Auth: known, FeedPage: 2}, 0)
	key, err := s.Create("NEW", nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 3 {
		id, err := s.AddWorklog(key, time.Hour, "x")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		c.advance(time.Second)
	}
	var feed struct {
		Values []struct {
			WorklogID, UpdatedTime int64
		}
		Until    int64
		NextPage string
		LastPage bool
	}
	as(t, "GET", base+"/rest/api/2/worklog/updated", "", 200, &feed)
	if len(feed.Values) != 0 || !feed.LastPage {
		t.Errorf("within the last minute there is %+v", feed)
	}
	c.advance(time.Minute)
	as(t, "GET", base+"/rest/api/2/worklog/updated?since=0", "", 200, &feed)
	if len(feed.Values) != 2 || feed.LastPage || fmt.Sprint(feed.Values[0].WorklogID) != ids[0] ||
		!strings.HasSuffix(feed.NextPage, fmt.Sprint(feed.Until)) {
		t.Errorf("the first page is %+v", feed)
	}
	as(t, "GET", feed.NextPage, "", 200, &feed)
	if len(feed.Values) != 2 || !feed.LastPage || fmt.Sprint(feed.Values[1].WorklogID) != ids[2] {
		t.Errorf("the second page is %+v", feed)
	}
	if err := s.DeleteWorklog(key, ids[1]); err != nil {
		t.Fatal(err)
	}
	c.advance(2 * time.Minute)
	as(t, "GET", base+"/rest/api/2/worklog/deleted", "", 200, &feed)
	if len(feed.Values) != 1 || fmt.Sprint(feed.Values[0].WorklogID) != ids[1] {
		t.Errorf("deleted are %+v", feed)
	}
	var list []struct{ ID, IssueID string }
	as(t, "POST", base+"/rest/api/2/worklog/list", `{"ids":[`+strings.Join(ids, ",")+`]}`, 200, &list)
	if len(list) != 2 {
		t.Errorf("details of %+v", list)
	}
	get(t, base+"/rest/api/2/worklog/updated", 401, nil)
}

func TestAttachmentsComeFromAnotherHost(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{Flavour: Cloud, Auth: known}, 1)
	media := httptest.NewServer(s.Media())
	t.Cleanup(media.Close)
	s.MediaAt(media.URL)
	id, err := s.Attach("ALPHA-1", "a b.txt", "text/plain", []byte("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	at := base + "/rest/api/3/attachment/content/" + id
	fetch := func(address, part string) (*http.Response, string) {
		r, err := http.NewRequest("GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer t")
		if part != "" {
			r.Header.Set("Range", part)
		}
		reply, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply, string(body)
	}
	direct, body := fetch(at+"?redirect=false", "bytes=2-4")
	if direct.StatusCode != 206 || body != "234" {
		t.Errorf("%d %q, want a part", direct.StatusCode, body)
	}
	there, _ := fetch(at, "")
	location := there.Header.Get("Location")
	if there.StatusCode != 303 || !strings.HasPrefix(location, media.URL) {
		t.Fatalf("%d to %q", there.StatusCode, location)
	}
	if reply, body := fetch(location, ""); reply.StatusCode != 200 || body != "0123456789" {
		t.Errorf("%d %q", reply.StatusCode, body)
	}
	if reply, _ := fetch(location, "bytes=50-"); reply.StatusCode != 416 {
		t.Errorf("%d, want 416", reply.StatusCode)
	}
	if seen := s.MediaRequests(); len(seen) != 2 || seen[0].Get("Authorization") == "" {
		t.Errorf("the media host saw %v", seen)
	}
	if reply, _ := fetch(media.URL+"/media/file/"+id+"/binary?token=1", ""); reply.StatusCode != 403 {
		t.Errorf("%d without a signature", reply.StatusCode)
	}
}

func TestDataCenterServesAttachmentsItself(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{BasePath: "/jira"}, 0)
	key, err := s.Create("NEW", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("Zähler")
	if _, err := s.Attach(key, "Zähl & 1.txt", "text/plain", want); err != nil {
		t.Fatal(err)
	}
	var i struct {
		Fields struct {
			Attachment []struct {
				ID, Content string
				Size        int
			}
		}
	}
	get(t, base+"/rest/api/2/issue/"+key, 200, &i)
	reply, err := http.Get(i.Fields.Attachment[0].Content)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	if err != nil || !bytes.Equal(got, want) || i.Fields.Attachment[0].Size != len(want) {
		t.Errorf("%d %q, %v", reply.StatusCode, got, err)
	}
}

func TestBulkReads(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Flavour: Cloud, Now: c.now, Auth: known}, 3)
	for n := range 60 {
		if err := s.Edit("ALPHA-2", map[string]any{"summary": fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Second)
	}
	moved, err := s.Move("ALPHA-1", "BETA")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Hide("ALPHA-3"); err != nil {
		t.Fatal(err)
	}
	var bulk struct {
		Issues      []found
		IssueErrors []any
	}
	post(t, base+"/rest/api/3/issue/bulkfetch",
		`{"issueIdsOrKeys":["ALPHA-3","ALPHA-2","ALPHA-1","ALPHA-99","alpha-2"],"fields":["summary"],"expand":["changelog"]}`, 200, &bulk)
	if len(bulk.Issues) != 2 || bulk.Issues[0].Key != moved || len(bulk.IssueErrors) != 0 {
		t.Fatalf("got %+v", bulk)
	}
	if log := bulk.Issues[1].Changelog; len(log.Histories) != 40 || log.Total < 60 {
		t.Errorf("%d histories of %d", len(log.Histories), log.Total)
	}
	seen, token := 0, ""
	for page := 0; page < 20; page++ {
		var logs struct {
			IssueChangeLogs []struct {
				IssueID         string
				ChangeHistories []struct{ ID, Created string }
			}
			NextPageToken string
		}
		as(t, "POST", base+"/rest/api/3/changelog/bulkfetch",
			`{"issueIdsOrKeys":["ALPHA-2","`+moved+`"],"fieldIds":["summary"],"maxResults":7,"nextPageToken":"`+token+
				`"}`, 200, &logs)
		for _, l := range logs.IssueChangeLogs {
			seen += len(l.ChangeHistories)
		}
		if token = logs.NextPageToken; token == "" {
			break
		}
	}
	if seen != 60 {
		t.Errorf("%d changes of the summary, want 60", seen)
	}
	post(t, base+"/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["ALPHA-2"]}`, 401, nil)
	as(t, "POST", base+"/rest/api/3/changelog/bulkfetch", `{"issueIdsOrKeys":["ALPHA-2"],"nextPageToken":"no"}`, 400,
		nil)
}

func TestQuietChangesDoNotTouch(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, base := serve(t, Options{Now: c.now}, 6)
	before := s.Issues("ALPHA")
	c.advance(time.Hour)
	key, child := before[1].Key, before[2].Key
	for name, change := range map[string]func() error{
		"vote":     func() error { return s.Vote(key, "renske", true) },
		"watch":    func() error { return s.Watch(key, "renske", false) },
		"property": func() error { return s.SetProperty(key, "p", "{}") },
		"hide":     func() error { return errors.Join(s.Hide(key), s.Show(key)) },
		"parent":   func() error { return s.SetParent(child, key) },
	} {
		if err := change(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	after := s.Issues("ALPHA")
	if !after[1].Updated.Equal(before[1].Updated) || after[2].Updated.Equal(before[2].Updated) {
		t.Errorf("updated went from %v to %v, and of the sub-task from %v to %v", before[1].Updated, after[1].Updated,
			before[2].Updated, after[2].Updated)
	}
	var votes struct {
		Votes  int
		Voters []struct{ Name string }
	}
	get(t, base+"/rest/api/2/issue/"+key+"/votes", 200, &votes)
	if votes.Votes != len(votes.Voters) || votes.Votes == 0 {
		t.Errorf("votes are %+v", votes)
	}
	link, err := s.Link(before[4].Key, before[5].Key, "Blocker")
	if err != nil {
		t.Fatal(err)
	}
	if now := s.Issues("ALPHA"); !now[4].Updated.After(before[4].Updated) || !now[5].Updated.After(before[5].Updated) {
		t.Error("a link did not touch both of its ends")
	}
	if err := s.Unlink(before[5].Key, link); err != nil {
		t.Error(err)
	}
}

func TestArchivedIssueAnswersButIsNotFound(t *testing.T) {
	t.Parallel()
	s, base := serve(t, Options{}, 3)
	if err := s.Archive("ALPHA-1"); err != nil {
		t.Fatal(err)
	}
	var page results
	get(t, searchURL(base, "project = ALPHA"), 200, &page)
	if page.Total != 2 {
		t.Errorf("a search finds %d", page.Total)
	}
	get(t, base+"/rest/api/2/issue/ALPHA-1", 200, nil)
}
