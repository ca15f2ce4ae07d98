// Google Cloud: obtains access tokens with a credential file, or from the machine's metadata server.

package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// googleTokens returns a function that obtains the access tokens of g for p.
func googleTokens(p httppolicy.Policy, g credential.Google, host hostClient) (obtain, error) {
	if g.Credentials == "" {
		return googleObtain(func(ctx context.Context) (*oauth2.Token, error) { return ofMachine(ctx, g.Scopes) }), nil
	}
	kind, asked, err := g.File()
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	transport, err := host(tokenPolicy(p, asked...))
	if err != nil {
		return nil, err
	}
	return googleObtain(func(ctx context.Context) (*oauth2.Token, error) {
		// The library makes some requests without the context. Each may be sent twice.
		ctx = trip.Aside(sdk.Idempotent(ctx), "access token")
		client := &http.Client{
			Transport: trip.Func(func(req *http.Request) (*http.Response, error) {
				return transport.RoundTrip(req.WithContext(ctx))
			}),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		found, err := google.CredentialsFromJSONWithType(context.WithValue(ctx, oauth2.HTTPClient, client),
			[]byte(g.Credentials), google.CredentialsType(kind), g.Scopes...)
		if err != nil {
			return nil, sdk.Permanent(fmt.Errorf("credentials: %w", err))
		}
		token, err := found.TokenSource.Token()
		if err != nil {
			return nil, explain(err, "Google", func(code string, _ int) string {
				if code == "invalid_grant" || code == "invalid_client" {
					return "the credential file was refused: make another, and see that the clock is right"
				}
				return ""
			})
		}
		return token, nil
	}), nil
}

func googleObtain(ask func(context.Context) (*oauth2.Token, error)) obtain {
	return func(ctx context.Context, now credential.Value) (credential.Value, time.Time, error) {
		token, err := ask(ctx)
		if err != nil {
			return nil, time.Time{}, err
		}
		next := now.(credential.Google)
		next.Token = token.AccessToken
		return next, early(time.Now(), token.Expiry), nil
	}
}

// machineTimeout is how long the metadata server may take. It is on the machine itself.
const machineTimeout = 20 * time.Second

// ofMachine asks the metadata server for a token of the machine's account. No plugin can ask it.
func ofMachine(ctx context.Context, scopes []string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	raw, err := metadata.NewClient(nil).GetWithContext(ctx, "instance/service-accounts/default/token?"+
		url.Values{"scopes": {strings.Join(scopes, ",")}}.Encode())
	if err != nil {
		return nil, fmt.Errorf("the metadata server of Google Cloud: %w; on another machine set credentials", err)
	}
	var said struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if json.Unmarshal([]byte(raw), &said) != nil || said.AccessToken == "" || said.ExpiresIn <= 0 {
		return nil, errors.New("the metadata server of Google Cloud gave no access token")
	}
	return &oauth2.Token{AccessToken: said.AccessToken,
		Expiry: time.Now().Add(time.Duration(said.ExpiresIn) * time.Second)}, nil
}
