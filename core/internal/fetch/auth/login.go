// Names the credential of a refused request for the plugin, which sees no credentials.

package auth

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// TellLogin sets [hint.Login] and [hint.Credential] in a reply to a request to the origin.
func TellLogin(resp *http.Response, p httppolicy.Policy, to origin.Origin) {
	resp.Header.Del(hint.Login)
	resp.Header.Del(hint.Credential)
	if resp.StatusCode == http.StatusUnauthorized {
		resp.Header.Set(hint.Login, login(p, to))
	}
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		return
	}
	if sent, _ := credentialsFor(p.Auth, to); len(sent) > 0 {
		resp.Header.Set(hint.Credential, strings.Join(sent, " and "))
	}
}

// Text describes the credentials that an origin receives.
func Text(all []credential.Credential, to origin.Origin) string {
	if sent, _ := credentialsFor(all, to); len(sent) > 0 {
		return strings.Join(sent, " and ")
	}
	return "no credential is for " + to.String()
}

// credentialsFor returns the titles of credentials that an origin receives, and of the others.
func credentialsFor(all []credential.Credential, to origin.Origin) (sent, others []string) {
	for _, a := range all {
		if origin.Covered(a.Origins, to) {
			sent = append(sent, a.Title())
		} else {
			others = append(others, a.Title())
		}
	}
	return sent, others
}

func login(p httppolicy.Policy, to origin.Origin) string {
	sent, others := credentialsFor(p.Auth, to)
	switch {
	case len(sent) > 0:
		return "the credential was refused: check " + strings.Join(sent, " and ")
	case len(others) > 0:
		return fmt.Sprintf("no credential was sent: add %s to the origins of %s", to, strings.Join(others, " or "))
	case p.Pos != "":
		return "no credential is set: write http { auth … } into the block at " + p.Pos
	}
	return "no credential is set"
}
