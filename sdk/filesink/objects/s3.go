// S3: what Amazon S3 and its like are asked.

package objects

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

const ownerHeader = "X-Amz-Meta-Scrapekit"

// s3 is a bucket.
type s3 struct {
	base   url.URL // of the bucket, without a slash at its end
	bucket string
	set    Settings
}

// newS3 takes the style of the endpoint: one whose host begins with the bucket is the bucket's own
// (virtual-hosted style), any other has the bucket in its path.
func newS3(endpoint *url.URL, bucket string, set Settings) (Uploads, error) {
	s := &s3{base: *endpoint, bucket: bucket, set: set}
	if !strings.HasPrefix(endpoint.Host, bucket+".") {
		s.base.Path += "/" + bucket
	}
	return s, nil
}

// do makes a request. A reply that is no success is an error.
func (s *s3) do(ctx context.Context, method, key string, query url.Values, header http.Header, body []byte) (
	http.Header, []byte, error) {
	u := s.base
	if u.Path += "/" + key; key == "" {
		u.Path = cmp.Or(s.base.Path, "/")
	}
	u.RawPath = strictly(u.Path)
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // as it is signed
	a, err := send(ctx, method, u.String(), header, body)
	if err != nil {
		return nil, nil, err
	}
	// A request that takes long may fail after its status has been sent.
	if a.StatusCode/100 != 2 || method == http.MethodPost && bytes.Contains(a.raw, []byte("<Error>")) {
		return nil, nil, s.refused(a, key)
	}
	return a.Header, a.raw, nil
}

// strictly escapes a path as it is signed: all but letters, digits, "-._~" and "/".
func strictly(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func (s *s3) refused(a answer, key string) error {
	e := &refusal{Status: a.StatusCode}
	_ = xml.Unmarshal(a.raw, e) // a reply to HEAD has none
	return e.err(a, fmt.Sprintf("s3://%s/%s", s.bucket, key), s.advice(e))
}

// advice says what to do about a mistake in the settings.
func (s *s3) advice(e *refusal) string {
	region := cmp.Or(e.Region, "that of the bucket")
	switch {
	case e.Code == "NoSuchBucket":
		return fmt.Sprintf("make the bucket %s, or mend path", s.bucket)
	case e.Code == "AuthorizationHeaderMalformed" || e.Code == "PermanentRedirect" ||
		e.Status == http.StatusMovedPermanently:
		return fmt.Sprintf(`set endpoint and the region of auth "aws_sigv4" to %s`, region)
	case e.Code == "InvalidAccessKeyId" || e.Code == "XAdminUserNotFound" || e.Code == "SignatureDoesNotMatch" ||
		e.Code == "ExpiredToken":
		return `check auth "aws_sigv4" in the http block of the sink`
	case e.Status == http.StatusForbidden:
		return fmt.Sprintf("the credential needs s3:PutObject, s3:GetObject, s3:ListBucket, "+
			"s3:DeleteObject on the bucket %s",
			s.bucket)
	}
	return ""
}

// known turns what the store says into the errors of the package.
func known(err error) error {
	var e *refusal
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code == "NoSuchUpload":
		return fmt.Errorf("%w: %w", ErrLost, err)
	case e.Status == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case e.Status == http.StatusNotFound && (e.Code == "" || e.Code == "NoSuchKey"): // a reply to HEAD has no code
		return fmt.Errorf("%w: %w", ErrNotExist, err)
	}
	return err
}

// conditionally makes a request that must not replace an object, and once more without that
// condition where the store does not know it.
func conditionally(o Object, header http.Header, do func(http.Header) error) error {
	if !o.Fresh {
		return known(do(header))
	}
	with := header.Clone()
	with.Set("If-None-Match", "*")
	err := do(with)
	var e *refusal
	if errors.As(err, &e) && e.Code == "NotImplemented" {
		err = do(header)
	}
	return known(err)
}

// header is what a new object is given.
func (s *s3) header(o Object) http.Header {
	h := http.Header{"Content-Type": {"application/octet-stream"}, ownerHeader: {o.Owner}}
	for name, value := range map[string]string{"X-Amz-Storage-Class": s.set.StorageClass,
		"X-Amz-Server-Side-Encryption":                s.set.Encryption,
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": s.set.EncryptionKey} {
		if value != "" {
			h.Set(name, value)
		}
	}
	return h
}

func (s *s3) Put(ctx context.Context, o Object, body []byte) error {
	return conditionally(o, s.header(o), func(h http.Header) error {
		_, _, err := s.do(ctx, http.MethodPut, o.Key, nil, h, body)
		return err
	})
}

func (s *s3) Head(ctx context.Context, key string) (Info, error) {
	h, _, err := s.do(ctx, http.MethodHead, key, nil, nil, nil)
	if err != nil {
		return Info{}, known(s.why(ctx, key, err))
	}
	size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	return Info{Size: size, Owner: h.Get(ownerHeader)}, err
}

// why asks once more why HEAD was refused, in a way whose reply says it.
func (s *s3) why(ctx context.Context, key string, refused error) error {
	var e *refusal
	if !errors.As(refused, &e) || e.Status == http.StatusNotFound || !sdk.IsPermanent(refused) {
		return refused
	}
	_, _, err := s.do(ctx, http.MethodGet, "", url.Values{"list-type": {"2"}, "prefix": {key}, "max-keys": {"1"}}, nil,
		nil)
	return cmp.Or(err, refused)
}

func (s *s3) List(ctx context.Context, prefix string, f func(key string)) error {
	query := url.Values{"list-type": {"2"}, "prefix": {prefix}}
	for {
		_, raw, err := s.do(ctx, http.MethodGet, "", query, nil, nil)
		if err != nil {
			return err
		}
		var page struct {
			Contents              []struct{ Key string }
			NextContinuationToken string
			IsTruncated           bool
		}
		if err := xml.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("list of s3://%s/%s: %w", s.bucket, prefix, err)
		}
		for _, c := range page.Contents {
			f(c.Key)
		}
		if !page.IsTruncated || page.NextContinuationToken == "" {
			return nil
		}
		query.Set("continuation-token", page.NextContinuationToken)
	}
}

func (s *s3) Remove(ctx context.Context, key string) error {
	_, _, err := s.do(ctx, http.MethodDelete, key, nil, nil, nil)
	if err = known(err); errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

// Begin may be sent twice: an upload whose reply was lost is never completed, so nobody sees it.
func (s *s3) Begin(ctx context.Context, o Object) (Upload, error) {
	_, raw, err := s.do(sdk.Idempotent(ctx), http.MethodPost, o.Key, url.Values{"uploads": {""}}, s.header(o), nil)
	if err != nil {
		return Upload{}, err
	}
	var begun struct {
		UploadID string `xml:"UploadId"`
	}
	if err := xml.Unmarshal(raw, &begun); err != nil || begun.UploadID == "" {
		return Upload{}, fmt.Errorf("s3://%s/%s: the store gave no upload id: %.200q", s.bucket, o.Key, raw)
	}
	return Upload{ID: begun.UploadID}, nil
}

// Part replaces a part of the same number, so it may be sent again.
func (s *s3) Part(ctx context.Context, o Object, u *Upload, body []byte) error {
	query := url.Values{"uploadId": {u.ID}, "partNumber": {strconv.Itoa(len(u.Parts) + 1)}}
	h, _, err := s.do(ctx, http.MethodPut, o.Key, query, nil, body)
	if err != nil {
		return known(err)
	}
	u.Parts, u.Size = append(u.Parts, h.Get("ETag")), u.Size+int64(len(body))
	return nil
}

type completed struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []part   `xml:"Part"`
}

type part struct {
	Number int    `xml:"PartNumber"`
	ETag   string `xml:"ETag"`
}

// Complete may be sent twice: the second time the store does not know the upload.
func (s *s3) Complete(ctx context.Context, o Object, u *Upload, tail []byte) error {
	if err := s.Part(ctx, o, u, tail); err != nil {
		return err
	}
	var all completed
	for i, tag := range u.Parts {
		all.Parts = append(all.Parts, part{i + 1, tag})
	}
	body, err := xml.Marshal(all)
	if err != nil {
		return err
	}
	return conditionally(o, http.Header{}, func(h http.Header) error {
		_, _, err := s.do(sdk.Idempotent(ctx), http.MethodPost, o.Key, url.Values{"uploadId": {u.ID}}, h, body)
		var e *refusal
		if errors.As(err, &e) && e.Code == "ConditionalRequestConflict" {
			return fmt.Errorf("%w: %w", ErrLost, err) // the store wants the upload anew
		}
		return err
	})
}
