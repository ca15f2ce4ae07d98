// OAuth 2: access tokens, from the client's own credentials or from a refresh token. The host's own HTTP asks for
// them, behind the same guard and within the same limits as everything else.

package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/printable"
)

// Grants.
const (
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
)

// OAuth2 says where tokens come from, and for what.
type OAuth2 struct {
	Grant        string
	TokenURL     string
	ClientID     string
	ClientSecret string
	RefreshToken string
	Scopes       []string
	Audience     string
	// Keep keeps refresh tokens: some servers give another with every use, and the one before is void then. It
	// calls use with the token that was kept ("": none), and keeps what use returns before it returns itself. nil: they
	// are known to this process only.
	Keep func(ctx context.Context, use func(kept string) (next string, err error)) error `json:"-"`
}

func (o *OAuth2) check() error {
	switch {
	case o == nil, o.Grant != GrantClientCredentials && o.Grant != GrantRefreshToken:
		return errors.New("credentials: oauth2 needs a grant: client_credentials or refresh_token")
	case o.ClientID == "":
		return errors.New("credentials: oauth2 needs a client_id")
	case o.Grant == GrantClientCredentials && o.ClientSecret == "":
		return errors.New("credentials: the grant client_credentials needs a client_secret")
	case o.Grant == GrantRefreshToken && o.RefreshToken == "":
		return errors.New("credentials: the grant refresh_token needs a refresh_token")
	}
	if _, err := ParseOrigin(o.TokenURL); err != nil {
		return fmt.Errorf("credentials: token_url: %w", err)
	}
	return nil
}

// tokens returns what obtains the access tokens of o, for p.
func (c *Client) tokens(p Policy, o OAuth2) (func(context.Context, Auth) (Auth, time.Time, error), error) {
	origin, err := ParseOrigin(o.TokenURL)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	transport, err := c.For(Policy{
		Plugin: p.Plugin, Allow: []Origin{origin}, hostsOwn: true, UserAgent: p.UserAgent, SpoolDir: p.SpoolDir, SpoolRoom: p.SpoolRoom, MaxBody: 1 << 20,
		AllowPrivate: p.AllowPrivate, Proxy: p.Proxy, TLS: p.TLS, Certified: p.Certified,
		Attempts: p.Attempts, ConnectTimeout: p.ConnectTimeout, HeaderTimeout: p.HeaderTimeout, MaxWait: p.MaxWait,
	})
	if err != nil {
		return nil, err
	}
	t := &tokenEndpoint{o: o, set: c.opts.Redact.Add, host: origin.Host, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.conf = clientcredentials.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret, TokenURL: o.TokenURL, Scopes: o.Scopes}
	if o.ClientSecret == "" {
		t.conf.AuthStyle = oauth2.AuthStyleInParams // a public client has nothing for a header
	}
	return t.obtain, nil
}

// tokenEndpoint is used by one goroutine at a time.
type tokenEndpoint struct {
	o      OAuth2
	conf   clientcredentials.Config
	client *http.Client
	host   string
	set    func(secret string)
}

// obtain returns now with another access token, and when to obtain the next.
func (t *tokenEndpoint) obtain(ctx context.Context, now Auth) (Auth, time.Time, error) {
	var token *oauth2.Token
	var err error
	switch {
	case t.o.Grant == GrantClientCredentials:
		token, err = t.ask(sdk.Idempotent(ctx), nil)
	case t.o.Keep == nil:
		if token, err = t.refresh(ctx, t.o.RefreshToken); err == nil {
			t.o.RefreshToken = cmp.Or(token.RefreshToken, t.o.RefreshToken)
		}
	default:
		err = t.o.Keep(ctx, func(kept string) (string, error) {
			token, err = t.refresh(ctx, cmp.Or(kept, t.o.RefreshToken))
			if err != nil {
				return "", err
			}
			return token.RefreshToken, nil
		})
	}
	if err != nil {
		return Auth{}, time.Time{}, t.explain(err)
	}
	now.Token = token.AccessToken
	return now, early(time.Now(), token.Expiry), nil
}

func (t *tokenEndpoint) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	t.set(refreshToken)
	token, err := t.ask(ctx, url.Values{"grant_type": {GrantRefreshToken}, "refresh_token": {refreshToken}})
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
	token, err := t.conf.Token(context.WithValue(onTheWay(ctx, "access token"), oauth2.HTTPClient, t.client))
	if err != nil {
		return nil, err
	}
	t.set(token.AccessToken)
	return token, nil
}

// explain says who refused what. The reply itself is not shown: it may hold tokens.
func (t *tokenEndpoint) explain(err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return fmt.Errorf("access token from %s: %w", t.host, err)
	}
	status := refused.Response.StatusCode
	said := statusText(status)
	if refused.ErrorCode != "" {
		said += ", " + printable.Line(refused.ErrorCode)
	}
	if refused.ErrorDescription != "" {
		said += ": " + printable.Line(refused.ErrorDescription)
	}
	err = fmt.Errorf("access token from %s: %s", t.host, said)
	if refused.ErrorCode == "invalid_client" || refused.ErrorCode == "" && status == http.StatusUnauthorized {
		err = fmt.Errorf("%w; check client_id and client_secret", err)
	}
	if refused.ErrorCode == "invalid_grant" && t.o.Grant == GrantRefreshToken {
		err = fmt.Errorf("%w; the refresh token is not good any more: log in anew and put the new one into the pipeline file", err)
	}
	if status >= 400 && status < 500 && status != http.StatusTooManyRequests {
		return sdk.Permanent(err)
	}
	return err
}

// early is when a token is replaced: a little before its end, since it takes time to arrive.
func early(now, end time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-min(30*time.Second, end.Sub(now)/10))
}
