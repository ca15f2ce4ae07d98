package credential

import (
	"crypto/sha256"
	"encoding/hex"
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
}

func readAWS(r Reader) Value {
	a := AWS{
		Region: r.Required("region"), Service: r.Required("service"),
		AccessKeyID: r.Required("access_key_id"), SecretAccessKey: r.Secret("secret_access_key"),
	}
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
	keys := aws.Credentials{
		AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken,
	}
	signer := sigv4.NewSigner(func(o *sigv4.SignerOptions) { o.DisableURIPathEscaping = a.Service == "s3" })
	if err := signer.SignHTTP(req.Context(), keys, req, hash, a.Service, a.Region, time.Now()); err != nil {
		return fmt.Errorf("sign the request for %s: %w", a.Service, err)
	}
	return nil
}

func (a AWS) Check() error {
	if a.Region == "" || a.Service == "" || a.AccessKeyID == "" || a.SecretAccessKey == "" {
		return errors.New("aws_sigv4 needs region, service, access_key_id and secret_access_key")
	}
	return nil
}

func (a AWS) Hide(set *redact.Set) {
	set.Add(a.SecretAccessKey)
	set.Add(a.SessionToken)
}

func (AWS) Sent() string { return "" } // requests contain only a signature

func (a AWS) Map(f func(string) string) Value {
	a.AccessKeyID, a.SecretAccessKey, a.SessionToken = f(a.AccessKeyID), f(a.SecretAccessKey), f(a.SessionToken)
	return a
}
