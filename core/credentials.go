// Credentials: the auth blocks of the file, with the secrets that a run obtains for them.

package core

import (
	"context"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/credential"
)

// credentials returns the credentials of a block.
func (p *parts) credentials(ctx context.Context, b config.Block) ([]credential.Credential, error) {
	var all []credential.Credential
	for _, c := range b.HTTP.Auth {
		var err error
		if late := newLateAuth(c.Value, p.secrets); late != nil && !p.Replays() { // a replay contacts no host
			c, err = late.credential(ctx, c)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: http.auth: %w", c.Pos, err)
		}
		if o, ok := c.Value.(credential.OAuth2); ok && o.RefreshToken != "" {
			c.Keep = newKeptToken(p.home(), o).use
		}
		all = append(all, c)
	}
	return all, nil
}
