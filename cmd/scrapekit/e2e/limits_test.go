// Limits: the program against servers that refuse, as real APIs do.

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// refuser is a server of pages that refuses as an API does.
type refuser struct {
	refuse func(w http.ResponseWriter, now time.Time) bool

	mu      sync.Mutex
	inPause int
	paused  time.Time
	since   time.Time
	refused int
}

const forumPages, forumPage = 30, 4

func (s *refuser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	now := time.Now()
	if now.Before(s.paused) && now.After(s.since.Add(500*time.Millisecond)) {
		s.inPause++
	}
	refused := s.refuse(w, now)
	if refused {
		s.refused++
	}
	s.mu.Unlock()
	if refused {
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	items := []map[string]int{}
	for i := range forumPage {
		if page <= forumPages {
			items = append(items, map[string]int{"id": page*forumPage + i})
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items}) // the client has gone
}

// later refuses with Retry-After, and notes the pause. s.mu is held.
func (s *refuser) later(w http.ResponseWriter, now time.Time, status, seconds int) bool {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	w.WriteHeader(status)
	s.paused, s.since = now.Add(time.Duration(seconds)*time.Second), now
	return true
}

// forumRun runs the program on a forum and returns its exit code and what it said.
func forumRun(t *testing.T, b tools, dir, url string) (int, string) {
	t.Helper()
	file := filepath.Join(dir, "f.hcl")
	text := fmt.Sprintf(`pipeline {
  required_plugins {
    forum = { source = %q }
  }
}
source "forum" {
  url       = %q
  page_size = %d
}
sink "jsonl" {
  path = "out/{stream}.jsonl"
}
`, b.path("source-forum"), url, forumPage)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path("scrapekit"), "run", file, "--output", "plain")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err, out.String())
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

func forumRecords(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	for _, stream := range []string{"posts", "users"} {
		raw, err := os.ReadFile(filepath.Join(dir, "out", stream+".jsonl"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		n += bytes.Count(raw, []byte("\n"))
	}
	return n
}

// TestRefusalsOfRealPrograms: the program against servers that refuse with what the status does not
// tell loses nothing, and asks nothing in a pause.
func TestRefusalsOfRealPrograms(t *testing.T) {
	t.Parallel()
	b, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{403, 420, 500, 529} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s, asked := &refuser{}, 0
			s.refuse = func(w http.ResponseWriter, now time.Time) bool {
				if asked++; asked%25 == 0 || now.Before(s.paused) {
					return s.later(w, now, status, 1)
				}
				return false
			}
			server := httptest.NewServer(s)
			t.Cleanup(server.Close)
			dir := t.TempDir()
			code, out := forumRun(t, b, dir, server.URL)
			if got := forumRecords(t, dir); code != 0 || got != 2*forumPages*forumPage {
				t.Errorf("code %d, %d records\n%s", code, got, out)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.inPause > 0 || s.refused < 2 || s.refused > 8 {
				t.Errorf("%d refused, %d requests in a pause", s.refused, s.inPause)
			}
		})
	}
}

// TestTwoProgramsKeepOnePace: two runs of the program at one time ask a host together no faster
// than it allows, and what one is told holds for both.
func TestTwoProgramsKeepOnePace(t *testing.T) {
	t.Parallel()
	b, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	const rate, depth = 20, 10
	s, tokens, last := &refuser{}, float64(depth), time.Now()
	s.refuse = func(w http.ResponseWriter, now time.Time) bool {
		tokens = min(depth, tokens+rate*now.Sub(last).Seconds())
		if last = now; tokens < 1 {
			return s.later(w, now, http.StatusTooManyRequests, 1)
		}
		tokens--
		return false
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	start := time.Now()
	var wg sync.WaitGroup
	for range 2 {
		dir := t.TempDir()
		wg.Go(func() {
			code, out := forumRun(t, b, dir, server.URL)
			if got := forumRecords(t, dir); code != 0 || got != 2*forumPages*forumPage {
				t.Errorf("code %d, %d records\n%s", code, got, out)
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Logf("%d refused, %d in a pause, %s", s.refused, s.inPause, time.Since(start))
	if s.inPause > 0 || s.refused > 8 {
		t.Errorf("%d refused, %d requests in a pause", s.refused, s.inPause)
	}
}

// TestQuotaOfADay: a quota that is used up for hours ends the run; what was read is kept, and the
// next run goes on.
func TestQuotaOfADay(t *testing.T) {
	t.Parallel()
	b, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	s, asked, most := &refuser{}, 0, 20
	s.refuse = func(w http.ResponseWriter, now time.Time) bool {
		if asked++; asked > most {
			return s.later(w, now, http.StatusTooManyRequests, 6*3600)
		}
		return false
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	start := time.Now()
	code, out := forumRun(t, b, dir, server.URL)
	got := forumRecords(t, dir)
	if code != exitIncomplete || got < (most-2)*forumPage || got > most*forumPage || time.Since(start) > time.Minute {
		t.Errorf("code %d after %s, %d records", code, time.Since(start), got)
	}
	for _, part := range []string{"the quota of 127.0.0.1", "is used up until ",
		"(Retry-After), longer than http.max_wait (15 min); run again then"} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is not in\n%s", part, out)
		}
	}
	s.mu.Lock()
	if s.refused > 2 {
		t.Errorf("%d requests were refused", s.refused)
	}
	asked, most, s.paused = 0, 1000, time.Time{} // the next day
	s.mu.Unlock()
	code, out = forumRun(t, b, dir, server.URL)
	if got := forumRecords(t, dir); code != 0 || got != 2*forumPages*forumPage {
		t.Errorf("the next day: code %d, %d records\n%s", code, got, out)
	}
}
