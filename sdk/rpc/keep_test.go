// Files across the wire. The tests run in bubbles: one that leaves a goroutine behind fails.

package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// keepWith runs do as the Read of a plugin whose host keeps files so.
func keepWith(t *testing.T, keep func(*http.Request, string, reply.Expect) (reply.File, error),
	do func(context.Context) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		if err := readWith(t, t.Context(), sdk.Host{Keep: keep}, do); err != nil {
			t.Error(err)
		}
	})
}

// TestKeepCrossesTheWire: what a plugin says of a file reaches the host, and the file reaches the
// plugin.
func TestKeepCrossesTheWire(t *testing.T) {
	t.Parallel()
	want := reply.File{Path: "ab/abc", SHA256: "abc", Size: 7}
	keepWith(t, func(req *http.Request, key string, e reply.Expect) (reply.File, error) {
		got := fmt.Sprint(req.Method, " ", req.URL, " ", key, " ", *e.Size, " ", e.Type, " ", hint.Classes(req)[0].Text,
			" ", hint.Split(req.Context()))
		if got != "GET https://jira.test/a attachment 1 0 text/plain busy s" {
			t.Errorf("the host is asked for %s", got)
		}
		return want, nil
	}, func(ctx context.Context) error {
		ctx = reply.Temporary(ctx, 403, "busy")
		got, err := sdk.Keep(ctx, "attachment 1", "https://jira.test/a",
			reply.Expect{Size: new(int64(0)), Type: "text/plain"})
		if got != want {
			return fmt.Errorf("%+v, want %+v: %w", got, want, err)
		}
		return err
	})
}

// TestNotKeptCrossesTheWire: so does why there is no file, whole.
func TestNotKeptCrossesTheWire(t *testing.T) {
	t.Parallel()
	from, to := &url.URL{Scheme: "https", Host: "jira.test", Path: "/a"}, &url.URL{Scheme: "https", Host: "sso.test",
		Path: "/login"}
	for name, want := range map[string]*reply.NotKept{
		"404":      {Status: 404, URL: "https://jira.test/a", Said: "no such page"},
		"a page":   {Status: 200, URL: "https://jira.test/a", Problem: "a page of HTML came"},
		"too long": {URL: "https://jira.test/a", TooLong: true, Problem: "too long"},
		"down":     {URL: "https://jira.test/a", Err: errors.New("no such host")},
		"may not":  {URL: "https://jira.test/a", Err: sdk.Permanent(errors.New("it may not be asked"))},
		"robots":   {URL: "https://jira.test/a", Err: fmt.Errorf("%w: /a", sdk.ErrRobots)},
		"redirected": {URL: "https://jira.test/a",
			Err: &reply.Redirected{Status: 302, From: from, To: to, Err: sdk.Permanent(errors.New("not allowed"))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keepWith(t, func(*http.Request, string, reply.Expect) (reply.File, error) { return reply.File{}, want },
				func(ctx context.Context) error {
					_, err := sdk.Keep(ctx, "1", "https://jira.test/a")
					var got *reply.NotKept
					if !errors.As(err, &got) || err.Error() != want.Error() ||
						sdk.IsPermanent(err) != sdk.IsPermanent(want) ||
						errors.Is(err, sdk.ErrSkip) != errors.Is(want, sdk.ErrSkip) {
						t.Fatalf("%v, want %v", err, want)
					}
					var led, wantLed *reply.Redirected
					errors.As(err, &led)
					if errors.As(want, &wantLed) &&
						(led == nil || led.Status != 302 || *led.From != *from || *led.To != *to) {
						t.Errorf("redirected: %+v", led)
					}
					a, b := *got, *want
					if a.Err, b.Err = nil, nil; !reflect.DeepEqual(a, b) {
						t.Errorf("%+v, want %+v", a, b)
					}
					return nil
				})
		})
	}
}

// TestKeepFails: what speaks of the host and not of the file is no NotKept, and keeps its class.
func TestKeepFails(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{
		"a pause":      sdk.RetryAfter(errors.New("429 Too Many Requests"), time.Minute),
		"a full disk":  errors.New("no space left on device"),
		"has no place": sdk.Permanent(errors.New("no folder for files")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keepWith(t, func(*http.Request, string, reply.Expect) (reply.File, error) { return reply.File{}, want },
				func(ctx context.Context) error {
					_, err := sdk.Keep(ctx, "1", "https://jira.test/a")
					if errors.As(err, new(*reply.NotKept)) || err.Error() != want.Error() ||
						sdk.IsPermanent(err) != sdk.IsPermanent(want) || sdk.RetryDelay(err) != sdk.RetryDelay(want) {
						t.Errorf("%v, want %v", err, want)
					}
					return nil
				})
		})
	}
	keepWith(t, nil, func(ctx context.Context) error {
		if _, err := sdk.Keep(ctx, "1", "https://jira.test/a"); !sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), "keeps no files") {
			t.Errorf("a host that keeps none: %v", err)
		}
		return nil
	})
}

// TestKeepIsGivenUp: the host works on nothing that nobody waits for any more.
func TestKeepIsGivenUp(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	keepWith(t, func(req *http.Request, _ string, _ reply.Expect) (reply.File, error) {
		<-req.Context().Done()
		close(gone)
		return reply.File{}, req.Context().Err()
	}, func(ctx context.Context) error {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := sdk.Keep(short, "1", "https://jira.test/a")
		<-gone
		return wantErr(err, context.DeadlineExceeded)
	})
}

// TestUnknownQuestion: a plugin that is newer than its host gets an answer to what that does not
// know.
func TestUnknownQuestion(t *testing.T) {
	t.Parallel()
	a := desked(t, nil)
	a.says <- &pb.FromPlugin{Id: 7}
	if e := (<-a.hears).GetRequestError(); !e.GetPermanent() || !strings.Contains(e.GetMessage(), "newer scrapekit") {
		t.Errorf("%v", e)
	}
}
