// Credentials: the auth blocks of the file, as the host's HTTP takes them.

package core

import (
	"context"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
)

// credentials are those of a block.
func (p *parts) credentials(ctx context.Context, b config.Block) ([]fetch.Auth, error) {
	var all []fetch.Auth
	for _, a := range b.HTTP.Auth {
		auth, err := p.credential(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("%s: http.auth: %w", a.Pos, err)
		}
		if auth.Origins, err = origins(a.Origins); err != nil {
			return nil, fmt.Errorf("%s: http.auth: %w", a.Pos, err)
		}
		if auth.OAuth2 != nil && a.OAuth2.RefreshToken != "" {
			auth.OAuth2.Keep = newKeptToken(p.home(), auth.OAuth2).use
		}
		all = append(all, auth)
	}
	return all, nil
}

// credential obtains the secrets that a needs, and says how to obtain them again.
func (p *parts) credential(ctx context.Context, a config.Auth) (fetch.Auth, error) {
	late := newLateAuth(a, p.secrets)
	if late == nil || p.Replays() { // which asks nobody
		return known(a), nil
	}
	now, err := late.next(ctx)
	if err != nil {
		return fetch.Auth{}, err
	}
	auth := known(now)
	auth.TTL = late.ttl()
	auth.Renew = func(ctx context.Context) (fetch.Auth, error) {
		now, err := late.next(ctx)
		return known(now), err
	}
	return auth, nil
}

// known is a credential without stand-ins.
func known(a config.Auth) fetch.Auth {
	auth := fetch.Auth{Kind: a.Scheme, User: a.User, Password: a.Password, Token: a.Token, Name: a.Name, Value: a.Value, Pos: a.Pos}
	if o := a.OAuth2; o != nil {
		auth.OAuth2 = &fetch.OAuth2{
			Grant: o.Grant, TokenURL: o.TokenURL, ClientID: o.ClientID, ClientSecret: o.ClientSecret,
			RefreshToken: o.RefreshToken, Scopes: o.Scopes, Audience: o.Audience,
		}
	}
	if s := a.AWS; s != nil {
		auth.AWS = &fetch.AWS{
			Region: s.Region, Service: s.Service, AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey, SessionToken: s.SessionToken,
		}
	}
	return auth
}
