// Auth: a credential of the pipeline file, and how it is put into a request.

package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sigv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Kinds of credentials.
const (
	AuthBasic  = "basic"     // User, Password
	AuthBearer = "bearer"    // Token
	AuthHeader = "header"    // Name, Value
	AuthQuery  = "query"     // Name, Value: a parameter of the URL
	AuthCookie = "cookie"    // Name, Value
	AuthOAuth2 = "oauth2"    // OAuth2
	AuthAWS    = "aws_sigv4" // AWS
)

// Auth is a credential and the origins that it belongs to: it is never sent elsewhere, and in the clear only
// where an origin itself says http.
type Auth struct {
	Kind     string
	User     string
	Password string
	Token    string
	Name     string
	Value    string
	OAuth2   *OAuth2
	AWS      *AWS
	Origins  []Origin
	Pos      string // where it stands in the pipeline file

	// Renew obtains the credential anew, after a 401 and when it is older than TTL (0: any age will do). It is called
	// by one goroutine at a time. nil: the credential does not change.
	Renew func(ctx context.Context) (Auth, error) `json:"-"`
	TTL   time.Duration
}

// AWS is what a request is signed with (Signature Version 4).
type AWS struct {
	Region, Service              string
	AccessKeyID, SecretAccessKey string
	SessionToken                 string // of temporary credentials
}

// put adds the credential to req, which belongs to the caller.
func (a Auth) put(req *http.Request, body []byte) error {
	switch a.Kind {
	case AuthBasic:
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password)))
	case AuthBearer, AuthOAuth2:
		req.Header.Set("Authorization", "Bearer "+a.Token)
	case AuthHeader:
		req.Header.Set(a.Name, a.Value)
	case AuthQuery:
		u := *req.URL
		u.RawQuery = strings.TrimPrefix(withoutParameter(u.RawQuery, a.Name)+"&"+url.QueryEscape(a.Name)+"="+url.QueryEscape(a.Value), "&")
		req.URL = &u
	case AuthCookie:
		addCookie(req, a.Name+"="+a.Value)
	case AuthAWS:
		return a.AWS.sign(req, body)
	}
	return nil
}

// addCookie puts a cookie beside those that are there.
func addCookie(req *http.Request, pair string) {
	if have := req.Header.Get("Cookie"); have != "" {
		pair = have + "; " + pair
	}
	req.Header.Set("Cookie", pair)
}

func (a *AWS) sign(req *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if a.Service == "s3" {
		req.Header.Set("X-Amz-Content-Sha256", hash)
	}
	keys := aws.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken}
	signer := sigv4.NewSigner(func(o *sigv4.SignerOptions) { o.DisableURIPathEscaping = a.Service == "s3" })
	if err := signer.SignHTTP(req.Context(), keys, req, hash, a.Service, a.Region, time.Now()); err != nil {
		return fmt.Errorf("sign the request for %s: %w", a.Service, err)
	}
	return nil
}

// headers names the headers that are the credential's: a plugin cannot set them.
func (a Auth) headers() []string {
	switch a.Kind {
	case AuthHeader:
		return []string{a.Name}
	case AuthAWS:
		return []string{"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"}
	}
	return nil // Authorization and Cookie never are a plugin's
}

// withoutParameter takes a parameter out of a query and leaves the rest as it is.
func withoutParameter(query, name string) string {
	var kept []string
	for _, pair := range strings.Split(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(key); pair != "" && (err != nil || plain != name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// same reports whether another is the same credential.
func (a Auth) same(b Auth) bool {
	a.Renew, b.Renew, a.Origins, b.Origins = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}

func (a Auth) check() error {
	switch a.Kind {
	case AuthBasic, AuthBearer:
	case AuthHeader:
		if !httpguts.ValidHeaderFieldName(a.Name) {
			return fmt.Errorf("credentials: %q cannot be the name of a header", a.Name)
		}
	case AuthQuery, AuthCookie:
		if a.Name == "" || a.Kind == AuthCookie && !httpguts.ValidHeaderFieldName(a.Name) {
			return fmt.Errorf("credentials: %q cannot be the name of a %s", a.Name, map[string]string{AuthQuery: "parameter", AuthCookie: "cookie"}[a.Kind])
		}
	case AuthOAuth2:
		if err := a.OAuth2.check(); err != nil {
			return err
		}
	case AuthAWS:
		if a.AWS == nil || a.AWS.Region == "" || a.AWS.Service == "" || a.AWS.AccessKeyID == "" || a.AWS.SecretAccessKey == "" {
			return errors.New("credentials: aws_sigv4 needs region, service, access_key_id and secret_access_key")
		}
	default:
		return fmt.Errorf("credentials of kind %q: want basic, bearer, header, query, cookie, oauth2 or aws_sigv4", a.Kind)
	}
	for _, text := range []string{a.User, a.Password, a.Token, a.Value} {
		if !httpguts.ValidHeaderFieldValue(text) || a.Kind == AuthCookie && strings.ContainsAny(text, ";,") {
			return errors.New("credentials: the value cannot stand in a header; is there a line break at its end?")
		}
	}
	if len(a.Origins) == 0 {
		return errors.New("credentials: they belong to no host; name the origins that they are for")
	}
	return nil
}

// hide makes set mask the credential.
func (a Auth) hide(set *redact.Set) {
	set.AddBasic(a.User, a.Password)
	set.Add(a.Token)
	set.Add(a.Value)
	if a.OAuth2 != nil {
		set.AddBasic(a.OAuth2.ClientID, a.OAuth2.ClientSecret)
		set.AddBasic(url.QueryEscape(a.OAuth2.ClientID), url.QueryEscape(a.OAuth2.ClientSecret)) // as RFC 6749 has it
		set.Add(a.OAuth2.RefreshToken)
	}
	if a.AWS != nil {
		set.Add(a.AWS.SecretAccessKey)
		set.Add(a.AWS.SessionToken)
	}
}
