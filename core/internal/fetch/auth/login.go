// What is told with a refusal what it was that a host refused, for the plugin sees no credential.

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

// TellLogin puts [hint.Login] and [hint.Credential] into the reply to a request for origin.
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

// Text says which credentials go along to an origin.
func Text(all []credential.Credential, to origin.Origin) string {
	if sent, _ := credentialsFor(all, to); len(sent) > 0 {
		return strings.Join(sent, " and ")
	}
	return "no credential is for " + to.String()
}

// credentialsFor names the credentials that an origin gets, and those that it does not.
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
