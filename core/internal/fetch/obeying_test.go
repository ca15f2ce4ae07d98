package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestRobots(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		robots  http.HandlerFunc
		allowed bool
		says    string
	}{
		"forbidden": {func(w http.ResponseWriter,
			_ *http.Request) {
			fmt.Fprint(w, "User-agent: *\nDisallow: /private")
		}, false, "robots.txt forbids it (Disallow: /private)"},
		"allowed": {func(w http.ResponseWriter,
			_ *http.Request) {
			fmt.Fprint(w, "User-agent: *\nDisallow: /other")
		}, true, ""},
		"for another": {func(w http.ResponseWriter,
			_ *http.Request) {
			fmt.Fprint(w, "User-agent: evilbot\nDisallow: /")
		}, true, ""},
		"none": {http.NotFound, true, ""},
		"moved": {func(w http.ResponseWriter,
			r *http.Request) {
			http.Redirect(w, r, "/rules", http.StatusFound)
		}, false, "forbids it"},
		"broken": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, false,
			"could not be read, so nothing else is requested there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			asked := map[string]int{}
			client, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked[r.URL.Path]++
				switch r.URL.Path {
				case "/robots.txt":
					c.robots(w, r)
				case "/rules":
					fmt.Fprint(w, "User-agent: scrapekit\nDisallow: /")
				}
			})
			p.Robots, p.Attempts = true, 1
			rt := transport(t, client, p)
			for range 3 {
				_, _, err := ask(t.Context(), rt, "GET", s.URL+"/private/1", "")
				if c.allowed != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) ||
					strings.Contains(c.says, "forbids it") != errors.Is(err, sdk.ErrRobots) ||
					errors.Is(err, sdk.ErrRobots) && !errors.Is(err, sdk.ErrSkip) {
					t.Errorf("%v, want %q", err, c.says)
				}
			}
			if asked["/robots.txt"] != 1 || c.allowed != (asked["/private/1"] == 3) {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

// TestCookiesStayInTheHost: a session lasts from request to request, and the plugin sees nothing of
// it.
func TestCookiesStayInTheHost(t *testing.T) {
	t.Parallel()
	var got []string
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "sesame-session-4711"})
	})
	for _, p.Cookies = range []bool{true, false} {
		rt := transport(t, c, p)
		for range 2 {
			resp, _, err := ask(t.Context(), rt, "GET", s.URL, "", "Cookie: session=mine")
			if err != nil || resp.Header.Get("Set-Cookie") != "" {
				t.Error(resp, err)
			}
		}
	}
	if want := "[ session=sesame-session-4711  ]"; fmt.Sprint(got) != want {
		t.Errorf("the host got %q, want %s", got, want)
	}
	if text := c.opts.Redact.String("sesame-session-4711"); strings.Contains(text, "sesame") {
		t.Error("the session is not hidden")
	}
}
