package sdk_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// leading redirects what is asked of a.test to another place, which may not be asked.
type leading struct {
	status int
	to     string
	err    error
}

func (l leading) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != "a.test" {
		return nil, l.err
	}
	return &http.Response{StatusCode: l.status, Header: http.Header{"Location": {l.to}}, Request: req,
		Body: http.NoBody}, nil
}

func TestRedirectToAnotherOrigin(t *testing.T) {
	t.Parallel()
	const asked = "http://a.test/jira/rest/api/2/serverInfo?secret=1"
	refused := sdk.Permanent(errors.New("it may not be asked: add it to http.allow"))
	for name, c := range map[string]struct {
		status int
		to     string
		says   string
	}{
		"moved for good": {301, "https://b.test/jira/rest/api/2/serverInfo?secret=1",
			"the server has moved to https://b.test"},
		"moved, with a new path": {308, "https://b.test/new/jira/rest/api/2/serverInfo",
			"the server has moved to https://b.test/new"},
		"to TLS, for this time": {302, "https://a.test:443/jira/rest/api/2/serverInfo",
			"the server has moved to https://a.test:443"},
		"to a login host":     {302, "https://login.test/saml?to=secret", "it looks like a login page"},
		"to a login for good": {301, "https://login.test/saml", "it looks like a login page"},
		"to a host of media": {302, "https://media.test/file/1",
			"if that host is a part of the system, add it to http.allow"},
		"to a login on this host": {302, "http://a.test:8443/login", "it looks like a login page"},
	} {
		ctx := sdk.Host{Transport: leading{c.status, c.to, refused}}.In(t.Context())
		err := sdk.GetJSON(ctx, asked, new(any))
		var led *reply.Redirected
		if !errors.As(err, &led) || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), c.says) ||
			!errors.Is(err, refused) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
			continue
		}
		if strings.Contains(led.Error(), "secret") || strings.Contains(led.Error(), "may not be asked") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx := sdk.Host{Transport: leading{302, "https://b.test/", errors.New("it is down")}}.In(t.Context())
	if err := sdk.GetJSON(ctx, asked, new(any)); err == nil || errors.As(err, new(*reply.Redirected)) ||
		sdk.IsPermanent(err) {
		t.Errorf("one that may be asked, and is down: %v", err)
	}
	for _, c := range []struct {
		reply replies
		says  string
	}{
		{replies{status: 401, header: http.Header{hint.Login: {"add it to the origins"}}},
			"the server has moved to https://b.test"},
		{replies{status: 200, body: "<html>Log in</html>"}, "the server has moved to https://b.test"},
	} {
		ctx :=
			sdk.Host{Transport: landing{leading{301, "https://b.test/jira", nil}, c.reply}}.In(t.Context())

		if err := sdk.GetJSON(ctx, "http://a.test/jira", new(any)); err == nil ||
			!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "origins") {
			t.Errorf("one that may be asked, and does not know us: %v", err)
		}
	}
}

// landing answers where leading leads.
type landing struct {
	leading
	reply replies
}

func (l landing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != "a.test" {
		return l.reply.RoundTrip(req)
	}
	return l.leading.RoundTrip(req)
}
