// Credentials: the auth blocks of the file, as the host's HTTP takes them.

package core

import (
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
)

// credentials are those of a block.
func (p *parts) credentials(b config.Block) ([]fetch.Auth, error) {
	var all []fetch.Auth
	for _, a := range b.HTTP.Auth {
		auth := credential(a)
		var err error
		if auth.Origins, err = origins(a.Origins); err != nil {
			return nil, fmt.Errorf("%s: http.auth: %w", a.Pos, err)
		}
		if auth.OAuth2 != nil && a.OAuth2.RefreshToken != "" {
			auth.OAuth2.Keep = newKeptToken(p.config.StateDir, *a.OAuth2).use
		}
		all = append(all, auth)
	}
	return all, nil
}

func credential(a config.Auth) fetch.Auth {
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
