package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// tokenServer gives out access tokens, and takes the latest one alone.
type tokenServer struct {
	mu      sync.Mutex
	given   int
	refresh []string // the refresh tokens that it was shown
	valid   string
	life    int    // seconds
	rotate  bool   // another refresh token with each
	refuse  string // the error that it answers with
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/token" {
		if r.Header.Get("Authorization") != "Bearer "+s.valid {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if s.refuse != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error": %q, "error_description": "no good: %s"}`, s.refuse, r.FormValue("refresh_token"))
		return
	}
	s.given++
	s.refresh = append(s.refresh, r.FormValue("refresh_token"))
	s.valid = fmt.Sprintf("access-%d", s.given)
	next := ""
	if s.rotate {
		next = fmt.Sprintf(`, "refresh_token": "refresh-%d"`, s.given)
	}
	fmt.Fprintf(w, `{"access_token": %q, "token_type": "Bearer", "expires_in": %d%s}`, s.valid, s.life, next)
}

// RoundTrip makes the server a wire, for virtual time.
func (s *tokenServer) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if req.Body == nil {
		req.Body = http.NoBody
	}
	s.ServeHTTP(w, req)
	return w.Result(), nil
}

func (s *tokenServer) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid = "none"
}

const api = "http://api.example"

// refreshing is a's value with a refresh token.
func refreshing(a credential.Credential, token string) credential.OAuth2 {
	o := a.Value.(credential.OAuth2)
	o.Grant, o.RefreshToken = credential.GrantRefreshToken, token
	return o
}

func clientOf(origins []origin.Origin, base string) credential.Credential {
	return credential.Credential{Scheme: "oauth2", Origins: origins, Value: credential.OAuth2{
		Grant: credential.GrantClientCredentials, TokenURL: base + "/token", ClientID: "me",
		ClientSecret: "client-sesame",
	}}
}

// TestOneRefreshForAll: a hundred requests find out at once that the token is void.
func TestOneRefreshForAll(t *testing.T) {
	t.Parallel()
	s := &tokenServer{life: 3600}
	c, server, p := serve(t, s.ServeHTTP)
	p.Auth, p.Concurrency = []credential.Credential{clientOf(p.Allow, server.URL)}, 100
	rt := transport(t, c, p)
	for _, round := range []string{"at first", "after it was revoked"} {
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				if resp, _, err := ask(t.Context(), rt, "GET", server.URL, ""); err != nil || resp.StatusCode != 200 {
					t.Errorf("%s: %v %v", round, resp, err)
				}
			})
		}
		wait.Wait()
		s.revoke()
	}
	if s.given != 2 {
		t.Errorf("%d tokens were asked for, want one for each hundred", s.given)
	}
}

func TestRefreshBeforeExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{life: 100}
		c := newClient(Options{}, s)
		defer c.Close()
		p := httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, api)}}
		p.Auth = []credential.Credential{clientOf(p.Allow, api)}
		rt := transport(t, c, p)
		for i, step := range []struct {
			wait  time.Duration
			given int
		}{{0, 1}, {80 * time.Second, 1}, {15 * time.Second, 2}, {80 * time.Second, 2}} {
			time.Sleep(step.wait)
			if resp, _, err := ask(t.Context(), rt, "GET", api, ""); err != nil || resp.StatusCode != 200 ||
				s.given != step.given {
				t.Errorf("step %d: %v %v, %d tokens, want %d", i, resp, err, s.given, step.given)
			}
		}
	})
}

func TestRefreshTokenRotates(t *testing.T) {
	t.Parallel()
	s := &tokenServer{life: 3600, rotate: true}
	c, server, p := serve(t, s.ServeHTTP)
	kept := ""
	a := clientOf(p.Allow, server.URL)
	a.Value = refreshing(a, "refresh-0")
	a.Keep = func(_ context.Context, use func(string) (string, error)) error {
		next, err := use(kept)
		if err == nil {
			kept = next
		}
		return err
	}
	p.Auth = []credential.Credential{a}
	for range 2 { // the second is another run
		rt := transport(t, c, p)
		for range 2 {
			if resp, _, err := ask(t.Context(), rt, "GET", server.URL, ""); err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			}
			s.revoke()
		}
	}
	if got, want := strings.Join(s.refresh, " "), "refresh-0 refresh-1 refresh-2 refresh-3"; got != want ||
		kept != "refresh-4" {
		t.Errorf("it was shown %s and %s is kept", got, kept)
	}
}

// TestRefusedRefreshToken: nothing else is asked, and the refusal is told without the token.
func TestRefusedRefreshToken(t *testing.T) {
	t.Parallel()
	s := &tokenServer{refuse: "invalid_grant"}
	c, server, p := serve(t, s.ServeHTTP)
	a := clientOf(p.Allow, server.URL)
	a.Value = refreshing(a, "refresh-sesame")
	p.Auth = []credential.Credential{a}
	_, _, err := ask(t.Context(), transport(t, c, p), "GET", server.URL, "")
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(),
		"invalid_grant: no good: [redacted]; the refresh token is not valid any more") ||
		strings.Contains(err.Error(), "sesame") {
		t.Error(err)
	}
}

// taking is a host that takes none but one token.
func taking(t *testing.T, good string) (httppolicy.Policy, *atomic.Int64,
	func(a credential.Credential) http.RoundTripper) {
	t.Helper()
	var asked atomic.Int64
	c, _, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if body, _ := io.ReadAll(r.Body); r.Header.Get("Authorization") != "Bearer "+good || string(body) != "body" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	return p, &asked, func(a credential.Credential) http.RoundTripper {
		a.Origins, p.Concurrency = p.Allow, 50
		p.Auth = []credential.Credential{a}
		return transport(t, c, p)
	}
}

// TestRenewedOnceForAll: what a command gave is asked for again once, for all who wait.
func TestRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	p, asked, with := taking(t, "new-token")
	var renewals atomic.Int64
	rt := with(credential.Credential{Scheme: "bearer", Value: credential.Bearer{Token: "old-token"},
		Renew: func(context.Context) (credential.Value, error) {
			renewals.Add(1)
			return credential.Bearer{Token: "new-token"}, nil
		}})
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if resp, _, err := ask(t.Context(), rt, "POST", p.Allow[0].String(), "body"); err != nil ||
				resp.StatusCode != 200 {
				t.Error(resp, err)
			}
		})
	}
	wait.Wait()
	if renewals.Load() != 1 || asked.Load() > 100 {
		t.Errorf("%d renewals, %d requests", renewals.Load(), asked.Load())
	}
}

// signedBy notes the ids of the keys that requests are signed with.
type signedBy []string

func (s *signedBy) RoundTrip(req *http.Request) (*http.Response, error) {
	_, id, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	id, _, _ = strings.Cut(id, "/")
	*s = append(*s, id)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// TestRenewedBeforeItExpires: keys that say when they expire are renewed by then, though they have
// no ttl. Keys that expired before they were obtained are never sent.
func TestRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := func(id string, life time.Duration) credential.Value {
			return credential.AWS{Region: "r", Service: "s3", Process: fmt.Sprintf(
				`{"AccessKeyId": %q, "SecretAccessKey": "secret", "Expiration": %q}`, id,
				time.Now().Add(life).UTC().Format(time.RFC3339))}
		}
		var sent signedBy
		var said []string
		c := newClient(Options{}, &sent)
		defer c.Close()
		p := httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, api)}}
		next := []credential.Value{keys("old", time.Minute), keys("second", time.Hour), keys("gone", time.Hour),
			keys("gone", time.Hour)}
		p.Auth = []credential.Credential{{Scheme: "aws_sigv4", Value: keys("first", 100*time.Second), Origins: p.Allow,
			Renew: func(context.Context) (credential.Value, error) {
				v := next[0]
				next = next[1:]
				return v, nil
			}}}
		rt := transport(t, c, p)
		for _, wait := range []time.Duration{0, 85 * time.Second, 10 * time.Second, 0, 2 * time.Hour} {
			time.Sleep(wait)
			if _, _, err := ask(t.Context(), rt, "GET", api, ""); err != nil {
				said = append(said, err.Error())
			}
		}
		if want := (signedBy{"first", "first", "second", "second"}); !slices.Equal(sent, want) {
			t.Errorf("signed with %v, want %v", sent, want)
		}
		if len(said) != 1 || !strings.Contains(said[0], "expired already") {
			t.Errorf("%q", said)
		}
	})
}

// TestRefusedForGood: a credential that does not get better is not tried again and again.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	p, asked, with := taking(t, "another")
	var renewals int
	same := credential.Bearer{Token: "old-token"}
	rt := with(credential.Credential{Scheme: "bearer", Value: credential.Bearer{Token: "old-token"},
		Renew: func(context.Context) (credential.Value, error) { renewals++; return same, nil }})
	for range 5 {
		if resp, _, err := ask(t.Context(), rt, "GET", p.Allow[0].String(), "body"); err != nil ||
			resp.StatusCode != 401 {
			t.Fatal(resp, err)
		}
	}
	if renewals > 2 || asked.Load() != 5 {
		t.Errorf("%d renewals and %d requests for five refusals", renewals, asked.Load())
	}
	rt = with(credential.Credential{Scheme: "bearer", Value: credential.Bearer{Token: "old-token"},
		Renew: func(context.Context) (credential.Value, error) { return nil, errors.New("the vault is sealed") }})
	if _, _, err := ask(t.Context(), rt, "GET", p.Allow[0].String(), "body"); err == nil ||
		!strings.Contains(err.Error(), "401 Unauthorized") || !strings.Contains(err.Error(), "the vault is sealed") {
		t.Error(err)
	}
}

// TestRefusalNamesTheCredential: a plugin, which sees none, can say what to look at.
func TestRefusalNamesTheCredential(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(hint.Login, "the host's own")
		w.Header().Set(hint.Credential, "the host's own")
		w.WriteHeader(map[string]int{"/forbidden": http.StatusForbidden, "/right": http.StatusOK,
			"/": http.StatusUnauthorized}[r.URL.Path])
	})
	p.Pos = "jira.hcl:3"
	mine := credential.Credential{Scheme: "bearer", Value: credential.Bearer{Token: "abcdef"}, Origins: p.Allow,
		Pos: "jira.hcl:7"}
	other := mine
	other.Origins = []origin.Origin{mustOrigin(t, "https://other.example")}
	for want, all := range map[string][]credential.Credential{
		"no credential is set: write http { auth … } into the block at jira.hcl:3": nil,
		`the credential was refused: check auth "bearer" of jira.hcl:7`:            {mine},
		fmt.Sprintf(`no credential was sent: add %s to the origins of auth "bearer" of jira.hcl:7`,
			p.Allow[0]): {other},
	} {
		p.Auth = all
		resp, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL+"/", "")
		if err != nil || reply.Login(resp) != want {
			t.Errorf("%v %q, want %q", err, reply.Login(resp), want)
		}
		sent := ""
		if strings.HasPrefix(want, "the credential") {
			sent = `auth "bearer" of jira.hcl:7`
		}
		for path, named := range map[string]string{"/": sent, "/forbidden": sent, "/right": ""} {
			resp, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL+path, "")
			if err != nil || reply.Credential(resp) != named {
				t.Errorf("%s: %v %q, want %q", path, err, reply.Credential(resp), named)
			}
		}
	}
}
