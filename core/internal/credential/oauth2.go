package credential

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Grants of OAuth 2 (RFC 6749).
const (
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
)

// OAuth2 says how the host obtains access tokens.
type OAuth2 struct {
	Grant        string
	TokenURL     string
	ClientID     string
	ClientSecret string // "": public client
	RefreshToken string
	Scopes       []string
	Audience     string

	// Token is the current access token; "": none yet.
	Token string
}

func readOAuth2(r Reader) Value {
	o := OAuth2{Grant: r.Required("grant"), ClientID: r.Required("client_id"), TokenURL: readTokenURL(r)}
	switch o.Grant {
	case GrantClientCredentials:
		o.ClientSecret = r.Secret("client_secret")
	case GrantRefreshToken:
		o.RefreshToken = r.Secret("refresh_token")
		if r.Has("client_secret") { // public clients have none
			o.ClientSecret = r.Secret("client_secret")
		}
	default:
		r.Has("client_secret") // marks the attributes as known for every grant
		r.Has("refresh_token")
		if o.Grant != "" {
			r.Report("grant", Wrong, `write "client_credentials" or "refresh_token"`, "there is no grant %q", o.Grant)
		}
	}
	o.Scopes = r.Texts("scopes", `scopes = ["read"]`)
	o.Audience = r.Text("audience")
	return o
}

// readTokenURL reads the token endpoint. The host itself sends the requests, so its origin need not
// be allowed.
func readTokenURL(r Reader) string {
	text := r.Required("token_url")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		r.Report("token_url", Wrong, "write client_id and client_secret",
			"token_url: a URL cannot hold a user and password here")
		return ""
	}
	o, err := origin.Parse(text)
	switch {
	case err != nil:
		r.Report("token_url", Wrong, `for example "https://login.example.com/oauth/token"`, "token_url: %v", err)
	case o.PlainText():
		r.Report("token_url", Unwise, "use https", "the client's credentials go to %s unencrypted", o)
	}
	return text
}

func (OAuth2) Places() []Place { return authorization }

func (o OAuth2) Put(req *http.Request, body []byte) error { return Bearer{o.Token}.Put(req, body) }

func (o OAuth2) Check() error {
	switch {
	case o.Grant != GrantClientCredentials && o.Grant != GrantRefreshToken:
		return errors.New("oauth2 needs a grant: client_credentials or refresh_token")
	case o.ClientID == "":
		return errors.New("oauth2 needs a client_id")
	case o.Grant == GrantClientCredentials && o.ClientSecret == "":
		return errors.New("the grant client_credentials needs a client_secret")
	case o.Grant == GrantRefreshToken && o.RefreshToken == "":
		return errors.New("the grant refresh_token needs a refresh_token")
	}
	if _, err := origin.Parse(o.TokenURL); err != nil {
		return fmt.Errorf("token_url: %w", err)
	}
	return checkTexts(o.Token)
}

func (o OAuth2) Hide(set *redact.Set) {
	set.AddBasic(o.ClientID, o.ClientSecret)
	set.AddBasic(url.QueryEscape(o.ClientID), url.QueryEscape(o.ClientSecret)) // encoded as in RFC 6749
	set.Add(o.RefreshToken)
	set.Add(o.Token)
}

func (o OAuth2) Sent() string { return o.Token }

func (o OAuth2) Map(f func(string) string) Value {
	o.ClientID, o.ClientSecret, o.RefreshToken = f(o.ClientID), f(o.ClientSecret), f(o.RefreshToken)
	return o
}
