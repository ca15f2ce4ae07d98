// login tells with a refusal what it was that a host refused, for the plugin sees no credential.

package fetch

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// tellLogin puts [sdk.HeaderLogin] and [sdk.HeaderCredential] into the reply to a request for origin.
func tellLogin(resp *http.Response, p Policy, origin Origin) {
	resp.Header.Del(sdk.HeaderLogin)
	resp.Header.Del(sdk.HeaderCredential)
	if resp.StatusCode == http.StatusUnauthorized {
		resp.Header.Set(sdk.HeaderLogin, login(p, origin))
	}
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
		return
	}
	if sent, _ := credentialsFor(p.Auth, origin); len(sent) > 0 {
		resp.Header.Set(sdk.HeaderCredential, strings.Join(sent, " and "))
	}
}

// credentialText says which credentials go along to an origin.
func credentialText(all []Auth, origin Origin) string {
	if sent, _ := credentialsFor(all, origin); len(sent) > 0 {
		return strings.Join(sent, " and ")
	}
	return "no credential is for " + origin.String()
}

// credentialsFor names the credentials that an origin gets, and those that it does not.
func credentialsFor(all []Auth, origin Origin) (sent, others []string) {
	for _, a := range all {
		if coveredBy(a.Origins, origin) {
			sent = append(sent, a.title())
		} else {
			others = append(others, a.title())
		}
	}
	return sent, others
}

// title names a credential as it stands in the pipeline file.
func (a Auth) title() string {
	if a.Pos == "" {
		return fmt.Sprintf("auth %q", a.Kind)
	}
	return fmt.Sprintf("auth %q of %s", a.Kind, a.Pos)
}

func login(p Policy, origin Origin) string {
	sent, others := credentialsFor(p.Auth, origin)
	switch {
	case len(sent) > 0:
		return "the credential was refused: check " + strings.Join(sent, " and ")
	case len(others) > 0:
		return fmt.Sprintf("no credential was sent: add %s to the origins of %s", origin, strings.Join(others, " or "))
	case p.Pos != "":
		return "no credential is set: write http { auth … } into the block at " + p.Pos
	}
	return "no credential is set"
}
