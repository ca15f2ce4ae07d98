package credential

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sigv4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// AWS has the keys that sign requests (Signature Version 4).
type AWS struct {
	Region, Service              string
	AccessKeyID, SecretAccessKey string
	SessionToken                 string // of temporary credentials; "": none
	// Process has the keys instead, as a credential process prints them: a JSON object with
	// AccessKeyId, SecretAccessKey, SessionToken and Expiration.
	Process string
}

func readAWS(r Reader) Value {
	a := AWS{Region: r.Required("region"), Service: r.Required("service")}
	if r.Has("credentials") {
		for _, name := range []string{"access_key_id", "secret_access_key", "session_token"} {
			if r.Has(name) {
				r.Report(name, Wrong, "leave it out", "%s: credentials has the keys", name)
			}
		}
		a.Process = r.Secret("credentials")
		return a
	}
	a.AccessKeyID, a.SecretAccessKey = r.Required("access_key_id"), r.Secret("secret_access_key")
	if r.Has("session_token") {
		a.SessionToken = r.Secret("session_token")
	}
	return a
}

func (AWS) Places() []Place {
	return []Place{
		{InHeader, "Authorization"}, {InHeader, "X-Amz-Date"}, {InHeader, "X-Amz-Security-Token"},
		{InHeader, "X-Amz-Content-Sha256"},
	}
}

func (a AWS) Put(req *http.Request, body []byte) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if a.Service == "s3" {
		req.Header.Set("X-Amz-Content-Sha256", hash)
	}
	keys, err := a.keys()
	if err != nil {
		return err
	}
	signer := sigv4.NewSigner(func(o *sigv4.SignerOptions) { o.DisableURIPathEscaping = a.Service == "s3" })
	if err := signer.SignHTTP(req.Context(), keys, req, hash, a.Service, a.Region, time.Now()); err != nil {
		return fmt.Errorf("sign the request for %s: %w", a.Service, err)
	}
	return nil
}

// keys are those that sign a request.
func (a AWS) keys() (aws.Credentials, error) {
	if a.Process == "" {
		return aws.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey,
			SessionToken: a.SessionToken}, nil
	}
	var printed struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      time.Time
	}
	// The error may hold what was printed.
	if json.Unmarshal([]byte(a.Process), &printed) != nil || printed.AccessKeyID == "" ||
		printed.SecretAccessKey == "" {
		return aws.Credentials{}, errors.New(`aws_sigv4: credentials are not what a credential process prints: ` +
			`{"AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …, "Expiration": "2026-01-31T12:00:00Z"}`)
	}
	return aws.Credentials{AccessKeyID: printed.AccessKeyID, SecretAccessKey: printed.SecretAccessKey,
		SessionToken: printed.SessionToken, Expires: printed.Expiration}, nil
}

// Expires implements [Expiring].
func (a AWS) Expires() time.Time {
	keys, err := a.keys()
	if err != nil {
		return time.Time{}
	}
	return keys.Expires
}

func (a AWS) Check() error {
	if a.Process != "" && a.Region != "" && a.Service != "" {
		return nil // its secret may not have been obtained yet
	}
	if a.Region == "" || a.Service == "" || a.AccessKeyID == "" || a.SecretAccessKey == "" {
		return errors.New("aws_sigv4 needs region, service, access_key_id and secret_access_key")
	}
	return nil
}

func (a AWS) Hide(set *redact.Set) {
	if keys, err := a.keys(); err == nil {
		set.Add(keys.SecretAccessKey)
		set.Add(keys.SessionToken)
	}
	set.Add(a.Process)
}

func (AWS) Sent() string { return "" } // requests contain only a signature

func (a AWS) Map(f func(string) string) Value {
	a.AccessKeyID, a.SecretAccessKey, a.SessionToken = f(a.AccessKeyID), f(a.SecretAccessKey), f(a.SessionToken)
	a.Process = f(a.Process)
	return a
}
