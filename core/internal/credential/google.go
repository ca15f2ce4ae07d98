package credential

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// googleTypes are the credential files that there are for [Google].
var googleTypes = []string{"service_account", "external_account", "authorized_user", "impersonated_service_account"}

// Google says how the host obtains access tokens of Google Cloud.
type Google struct {
	// Credentials is the text of a credential file: the key of a service account, or a
	// configuration of workload identity federation. "": the metadata server of the machine has
	// tokens.
	Credentials string
	Scopes      []string

	// Token is the current access token; "": none yet.
	Token string
}

func readGoogle(r Reader) Value {
	g := Google{Scopes: r.Texts("scopes", `scopes = ["https://www.googleapis.com/auth/devstorage.read_write"]`)}
	if g.Scopes == nil {
		g.Scopes = []string{"https://www.googleapis.com/auth/cloud-platform"}
	}
	if !r.Has("credentials") {
		return g
	}
	g.Credentials = r.Secret("credentials")
	if err := g.Check(); err != nil {
		r.Report("credentials", Wrong, `write credentials = file("key.json"), or leave it out on a machine of Google Cloud`,
			"%v", err)
	}
	return g
}

// googleFile is what the host needs to know of a credential file.
type googleFile struct {
	Type             string `json:"type"`
	TokenURI         string `json:"token_uri"`
	TokenURL         string `json:"token_url"`
	Impersonation    string `json:"service_account_impersonation_url"`
	CredentialSource struct {
		URL string `json:"url"`
	} `json:"credential_source"`
	Source       *googleFile `json:"source_credentials"`
	PrivateKey   string      `json:"private_key"`
	ClientSecret string      `json:"client_secret"`
	RefreshToken string      `json:"refresh_token"`
}

// file reads the credential file. The error does not quote it.
func (g Google) file() (f googleFile, err error) {
	if json.Unmarshal([]byte(g.Credentials), &f) != nil {
		return f, errors.New("credentials are not the JSON of a credential file")
	}
	if !slices.Contains(googleTypes, f.Type) {
		return f, fmt.Errorf("credentials are of type %.40q; there are: %s", f.Type, strings.Join(googleTypes, ", "))
	}
	return f, nil
}

// File is the type of the credential file, and the origins that are asked for a token.
func (g Google) File() (kind string, asked []origin.Origin, err error) {
	f, err := g.file()
	if err != nil {
		return "", nil, err
	}
	urls := []string{"https://oauth2.googleapis.com"}
	for at := &f; at != nil; at = at.Source {
		urls = append(urls, at.TokenURI, at.TokenURL, at.Impersonation, at.CredentialSource.URL)
	}
	for _, text := range urls {
		if text == "" {
			continue
		}
		o, err := origin.Parse(text)
		if err != nil {
			return "", nil, fmt.Errorf("credentials: %w", err)
		}
		asked = append(asked, o)
	}
	return f.Type, asked, nil
}

func (Google) Places() []Place { return authorization }

func (g Google) Put(req *http.Request, body []byte) error { return Bearer{g.Token}.Put(req, body) }

func (g Google) Check() error {
	if g.Credentials == "" || strings.HasPrefix(g.Credentials, "⟦") { // a secret that is not obtained yet
		return checkTexts(g.Token)
	}
	if _, _, err := g.File(); err != nil {
		return err
	}
	return checkTexts(g.Token)
}

func (g Google) Hide(set *redact.Set) {
	set.Add(g.Credentials)
	set.Add(g.Token)
	f, err := g.file()
	if err != nil {
		return
	}
	for at := &f; at != nil; at = at.Source {
		for _, secret := range []string{at.PrivateKey, at.ClientSecret, at.RefreshToken} {
			set.Add(secret)
		}
	}
}

func (g Google) Sent() string { return g.Token }

func (g Google) Map(f func(string) string) Value {
	g.Credentials = f(g.Credentials)
	return g
}
