// OAuth 2: obtains access tokens with client credentials or a refresh token. It uses the host's own
// HTTP client, with the same allow list and limits.

package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/printable"
)

// keep is [credential.Credential.Keep].
type keep = func(ctx context.Context, use func(kept string) (next string, err error)) error

// hostClient returns the host's own HTTP client.
type hostClient = func(httppolicy.Policy) (http.RoundTripper, error)

// tokenPolicy is p for requests for access tokens.
func tokenPolicy(p httppolicy.Policy, allow ...origin.Origin) httppolicy.Policy {
	return httppolicy.Policy{
		Plugin: p.Plugin, Allow: allow, OwnAuthorization: true, UserAgent: p.UserAgent,
		SpoolDir: p.SpoolDir, SpoolRoom: p.SpoolRoom, MaxBody: 1 << 20,
		AllowPrivate: p.AllowPrivate, Proxy: p.Proxy, TLS: p.TLS, Certified: p.Certified,
		Attempts: p.Attempts, ConnectTimeout: p.ConnectTimeout, HeaderTimeout: p.HeaderTimeout, MaxWait: p.MaxWait,
	}
}

// tokens returns a function that obtains the access tokens of o for p. keep may be nil.
func tokens(p httppolicy.Policy, o credential.OAuth2, keep keep, set *redact.Set,
	host hostClient) (obtain, error) {
	to, err := origin.Parse(o.TokenURL)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	transport, err := host(tokenPolicy(p, to))
	if err != nil {
		return nil, err
	}
	t := &tokenEndpoint{o: o, keep: keep, set: set.Add, host: to.Host, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.conf = clientcredentials.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret, TokenURL: o.TokenURL,
		Scopes: o.Scopes}
	if o.ClientSecret == "" {
		t.conf.AuthStyle = oauth2.AuthStyleInParams // public clients have no header
	}
	return t.obtain, nil
}

// tokenEndpoint is used by one goroutine at a time.
type tokenEndpoint struct {
	o      credential.OAuth2
	keep   keep // nil: refresh tokens are kept in memory only
	conf   clientcredentials.Config
	client *http.Client
	host   string
	set    func(secret string)
}

// obtain returns now with a new access token, and the time of the next renewal.
func (t *tokenEndpoint) obtain(ctx context.Context, now credential.Value) (credential.Value, time.Time, error) {
	var token *oauth2.Token
	var err error
	switch {
	case t.o.Grant == credential.GrantClientCredentials:
		token, err = t.ask(sdk.Idempotent(ctx), nil)
	case t.keep == nil:
		if token, err = t.refresh(ctx, t.o.RefreshToken); err == nil {
			t.o.RefreshToken = cmp.Or(token.RefreshToken, t.o.RefreshToken)
		}
	default:
		err = t.keep(ctx, func(kept string) (string, error) {
			token, err = t.refresh(ctx, cmp.Or(kept, t.o.RefreshToken))
			if err != nil {
				return "", err
			}
			return token.RefreshToken, nil
		})
	}
	if err != nil {
		return nil, time.Time{}, explain(err, t.host, t.advice)
	}
	next := now.(credential.OAuth2)
	next.Token = token.AccessToken
	return next, early(time.Now(), token.Expiry), nil
}

func (t *tokenEndpoint) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	t.set(refreshToken)
	token, err := t.ask(ctx, url.Values{"grant_type": {credential.GrantRefreshToken}, "refresh_token": {refreshToken}})
	if err == nil {
		t.set(token.RefreshToken)
	}
	return token, err
}

func (t *tokenEndpoint) ask(ctx context.Context, params url.Values) (*oauth2.Token, error) {
	if params == nil {
		params = url.Values{}
	}
	if t.o.Audience != "" {
		params.Set("audience", t.o.Audience)
	}
	t.conf.EndpointParams = params
	token, err := t.conf.Token(context.WithValue(trip.Aside(ctx, "access token"), oauth2.HTTPClient, t.client))
	if err != nil {
		return nil, err
	}
	t.set(token.AccessToken)
	return token, nil
}

// advice says what to do about an error code or a status of a token endpoint.
func (t *tokenEndpoint) advice(code string, status int) string {
	switch {
	case code == "invalid_client" || code == "" && status == http.StatusUnauthorized:
		return "check client_id and client_secret"
	case code == "invalid_grant" && t.o.Grant == credential.GrantRefreshToken:
		return "the refresh token is not valid any more: log in again and put the new one into the pipeline file"
	}
	return ""
}

// explain says who refused what. It does not quote the reply, which may contain tokens.
func explain(err error, from string, advice func(code string, status int) string) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return fmt.Errorf("access token from %s: %w", from, err)
	}
	if refused.ErrorCode == "" { // some grants of the library leave it in the body
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(refused.Body, &body) == nil {
			refused.ErrorCode, refused.ErrorDescription = body.Error, body.Description
		}
	}
	status := refused.Response.StatusCode
	said := fault.StatusText(status)
	if refused.ErrorCode != "" {
		said += ", " + printable.Line(refused.ErrorCode)
	}
	if refused.ErrorDescription != "" {
		said += ": " + printable.Line(refused.ErrorDescription)
	}
	err = fmt.Errorf("access token from %s: %s", from, said)
	if hint := advice(refused.ErrorCode, status); hint != "" {
		err = fmt.Errorf("%w; %s", err, hint)
	}
	if status >= 400 && status < 500 && status != http.StatusTooManyRequests {
		return sdk.Permanent(err)
	}
	return err
}

// early returns when to renew a token: shortly before it expires.
func early(now, end time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-min(30*time.Second, end.Sub(now)/10))
}
