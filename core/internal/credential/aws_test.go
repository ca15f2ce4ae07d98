// The signer of AWS against the vectors that AWS publishes.

package credential

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// TestSigV4Vectors: "Signature Version 4 Test Suite", and "Signature Calculations for the
// Authorization Header" of the S3 API Reference.
func TestSigV4Vectors(t *testing.T) {
	suite := AWS{Region: "us-east-1", Service: "service", AccessKeyID: "AKIDEXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	s3 := AWS{Region: "us-east-1", Service: "s3", AccessKeyID: "AKIAIOSFODNN7EXAMPLE",
		SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	suiteAt, s3At := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC), time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	const suiteScope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders="
	const s3Scope = "AWS4-HMAC-SHA256 " +
		"Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders="
	for name, c := range map[string]struct {
		keys        AWS
		at          time.Time
		method, url string
		header      http.Header
		want        string
	}{
		"get-vanilla": {suite, suiteAt, "GET", "https://example.amazonaws.com/", nil,
			suiteScope + "host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		"get-vanilla-query-order-key-case": {suite, suiteAt, "GET",
			"https://example.amazonaws.com/?Param2=value2&Param1=value1", nil,
			suiteScope + "host;x-amz-date, Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		"post-vanilla": {suite, suiteAt, "POST", "https://example.amazonaws.com/", nil,
			suiteScope + "host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		"get-header-key-duplicate": {suite, suiteAt, "GET", "https://example.amazonaws.com/",
			http.Header{"My-Header1": {"value2", "value2", "value1"}},
			suiteScope + "host;my-header1;x-amz-date, " +
				"Signature=c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
		"S3 GET Object": {s3, s3At, "GET", "https://examplebucket.s3.amazonaws.com/test.txt",
			http.Header{"Range": {"bytes=0-9"}},
			s3Scope + "host;range;x-amz-content-sha256;x-amz-date, " +
				"Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(c.at)) // a bubble begins in the year 2000
				req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range c.header {
					req.Header[k] = v
				}
				if err := c.keys.Put(req, nil); err != nil {
					t.Fatal(err)
				}
				if got := req.Header.Get("Authorization"); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// TestCredentialProcess: keys that a command prints sign as those of the file do.
func TestCredentialProcess(t *testing.T) {
	t.Parallel()
	sign := func(a AWS) (http.Header, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		return req.Header, a.Put(req, nil)
	}
	here := AWS{Region: "r", Service: "s3", Process: "⟦secret.aws⟧"}
	if _, err := sign(here); here.Check() != nil || err == nil || !here.Expires().IsZero() {
		t.Error("the command was not run yet:", here.Check(), err)
	}
	printed := here.Map(func(string) string {
		return `{"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "sesame-4711", "SessionToken": "session-4711",
			"Expiration": "2026-03-01T12:00:00Z"}`
	}).(AWS)
	if at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC); !printed.Expires().Equal(at) {
		t.Error(printed.Expires())
	}
	header, err := sign(printed)
	if err != nil || !strings.Contains(header.Get("Authorization"), "Credential=AKID/") ||
		header.Get("X-Amz-Security-Token") != "session-4711" {
		t.Error(header, err)
	}
	var set redact.Set
	printed.Hide(&set)
	if said := set.String("sesame-4711 and session-4711"); strings.Contains(said, "4711") {
		t.Error("not hidden:", said)
	}
	for _, wrong := range []string{"sesame-4711", `{"AccessKeyId": "AKID"}`,
		`{"AccessKeyId": "A", "SecretAccessKey": "sesame-4711", "Expiration": "tomorrow"}`} {
		a := here
		a.Process = wrong
		if _, err := sign(a); err == nil || strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
