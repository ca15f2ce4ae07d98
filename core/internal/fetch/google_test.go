package fetch

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
)

// googleServer gives out access tokens as Google does, and takes the latest one alone.
type googleServer struct {
	key    *rsa.PrivateKey
	mu     sync.Mutex
	given  int
	refuse bool
	asked  []string
}

func (s *googleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := func(as string) {
		s.given++
		s.asked = append(s.asked, as)
		fmt.Fprintf(w, `{"access_token": "access-%d", "token_type": "Bearer", "expires_in": 3600}`, s.given)
	}
	switch {
	case r.URL.Path == "/token" && s.refuse:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error": "invalid_grant", "error_description": "Invalid JWT"}`)
	case r.URL.Path == "/token" && r.PostFormValue("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
		token(s.claimed(r.PostFormValue("assertion")))
	case r.URL.Path == "/sts":
		token(r.PostFormValue("subject_token"))
	case strings.HasSuffix(r.URL.Path, "/service-accounts/default/token") &&
		r.Header.Get("Metadata-Flavor") == "Google":
		w.Header().Set("Metadata-Flavor", "Google")
		token(r.URL.Query().Get("scopes"))
	case r.Header.Get("Authorization") != fmt.Sprintf("Bearer access-%d", s.given):
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// claimed is the account and the scope of a signed assertion.
func (s *googleServer) claimed(assertion string) string {
	signed, signature, _ := cutLast(assertion, ".")
	sum := sha256.Sum256([]byte(signed))
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err == nil {
		err = rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], raw)
	}
	if err != nil {
		return err.Error()
	}
	_, claims, _ := strings.Cut(signed, ".")
	var said struct{ Iss, Scope string }
	raw, err = base64.RawURLEncoding.DecodeString(claims)
	if err == nil {
		err = json.Unmarshal(raw, &said)
	}
	return fmt.Sprint(said.Iss, " ", said.Scope, " ", err)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func newGoogle(t *testing.T) *googleServer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &googleServer{key: key}
}

// file is the key file of an account.
func (s *googleServer) file(t *testing.T, url string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "me@example.com",
		"token_uri":   url + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func accountOf(allow []origin.Origin, file string) []credential.Credential {
	return []credential.Credential{{Scheme: "google", Origins: allow,
		Value: credential.Google{Credentials: file, Scopes: []string{"a-scope"}}}}
}

// TestServiceAccount: the host signs in with a key, anew after a 401, and says what was refused.
func TestServiceAccount(t *testing.T) {
	t.Parallel()
	s := newGoogle(t)
	c, server, p := serve(t, s.ServeHTTP)
	p.Auth = accountOf(p.Allow, s.file(t, server.URL))
	rt := transport(t, c, p)
	for range 2 {
		if resp, _, err := ask(t.Context(), rt, "GET", server.URL, ""); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		s.mu.Lock()
		s.given++ // the token is void
		s.mu.Unlock()
	}
	if len(s.asked) != 2 || s.asked[0] != "me@example.com a-scope <nil>" {
		t.Errorf("asked as %q", s.asked)
	}
	s.mu.Lock()
	s.refuse = true
	s.mu.Unlock()
	_, _, err := ask(t.Context(), rt, "GET", server.URL, "")
	if err == nil || !strings.Contains(err.Error(), "invalid_grant: Invalid JWT; the credential file was refused") {
		t.Error(err)
	}
}

// TestWorkloadIdentity: a token of another issuer becomes one of Google.
func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	s := newGoogle(t)
	c, server, p := serve(t, s.ServeHTTP)
	subject := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(subject, []byte("of-the-cluster"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Auth = accountOf(p.Allow, fmt.Sprintf(`{"type": "external_account", "audience": "//iam.googleapis.com/pool",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": %q,
		"credential_source": {"file": %q}}`, server.URL+"/sts", subject))
	resp, _, err := ask(t.Context(), transport(t, c, p), "GET", server.URL, "")
	if err != nil || resp.StatusCode != 200 || len(s.asked) != 1 || s.asked[0] != "of-the-cluster" {
		t.Error(resp, err, s.asked)
	}
}

// TestAccountOfMachine: without a file, the metadata server has tokens. It is named by the
// environment, so this test runs alone.
func TestAccountOfMachine(t *testing.T) {
	s := newGoogle(t)
	machine := httptest.NewServer(s)
	t.Cleanup(machine.Close)
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(machine.URL, "http://"))
	c, server, p := serve(t, s.ServeHTTP)
	p.Auth = accountOf(p.Allow, "")
	resp, _, err := ask(t.Context(), transport(t, c, p), "GET", server.URL, "")
	if err != nil || resp.StatusCode != 200 || len(s.asked) != 1 || s.asked[0] != "a-scope" {
		t.Error(resp, err, s.asked)
	}
}
