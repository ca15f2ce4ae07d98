// GCS: what Google Cloud Storage is asked, by its JSON API.

package objects

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// ownerField is the metadata of an object with [Object.Owner].
const ownerField = "scrapekit"

// gcs is a bucket.
type gcs struct {
	base   url.URL // of the store
	bucket string
	set    Settings
}

func newGCS(endpoint *url.URL, bucket string, set Settings) (Uploads, error) {
	if set.Encryption != "" {
		return nil, advised("encryption %q: gs:// has none: set encryption_key to the key's name, "+
			"projects/…/cryptoKeys/…", set.Encryption)
	}
	return &gcs{base: *endpoint, bucket: bucket, set: set}, nil
}

// resource is an object as the store describes it.
type resource struct {
	Name         string            `json:"name,omitempty"`
	ContentType  string            `json:"contentType,omitempty"`
	StorageClass string            `json:"storageClass,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	Size         string            `json:"size,omitempty"`
}

// url is the address of an object, or of all of them if key is "".
func (g *gcs) url(prefix, key string, query url.Values) string {
	u := g.base
	path := prefix + "/storage/v1/b/" + g.bucket + "/o"
	u.Path, u.RawPath = g.base.Path+path, g.base.EscapedPath()+path
	if key != "" {
		u.Path += "/" + key
		u.RawPath += "/" + strings.ReplaceAll(strictly(key), "/", "%2F")
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// do makes a request. A reply that is no success is an error.
func (g *gcs) do(ctx context.Context, method, key, url string, header http.Header, body []byte) (answer, error) {
	a, err := send(ctx, method, url, header, body)
	if err == nil && a.StatusCode/100 != 2 {
		err = g.refused(a, key)
	}
	return a, err
}

func (g *gcs) refused(a answer, key string) error {
	var said struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	e := &refusal{Status: a.StatusCode}
	switch {
	case json.Unmarshal(a.raw, &said) == nil && said.Error.Message != "":
		e.Message = said.Error.Message
		if len(said.Error.Errors) > 0 {
			e.Code = said.Error.Errors[0].Reason
		}
	case len(a.raw) < 200: // some refusals are plain text
		e.Message = strings.TrimSpace(string(a.raw))
	}
	advice := g.advice(e)
	err := e.err(a, fmt.Sprintf("gs://%s/%s", g.bucket, key), advice)
	switch {
	case e.Status == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case e.Status == http.StatusNotFound && advice == "":
		return fmt.Errorf("%w: %w", ErrNotExist, err)
	}
	return err
}

// advice says what to do about a mistake in the settings.
func (g *gcs) advice(e *refusal) string {
	switch {
	case e.Status == http.StatusNotFound && strings.Contains(e.Message, "bucket does not exist"):
		return fmt.Sprintf("make the bucket %s, or mend path", g.bucket)
	case e.Status == http.StatusUnauthorized:
		return `check auth "google" in the http block of the sink`
	case e.Status == http.StatusForbidden:
		return fmt.Sprintf("the account needs storage.objects.create, get, list and delete on the bucket %s, "+
			"as the role Storage Object User has them", g.bucket)
	}
	return ""
}

// query is that of a request for a new object.
func (g *gcs) query(o Object, kind string) url.Values {
	q := url.Values{"uploadType": {kind}, "name": {o.Key}}
	if o.Fresh {
		q.Set("ifGenerationMatch", "0")
	}
	if g.set.EncryptionKey != "" {
		q.Set("kmsKeyName", g.set.EncryptionKey)
	}
	return q
}

// metadata is what a new object is given.
func (g *gcs) metadata(o Object) ([]byte, error) {
	return json.Marshal(resource{Name: o.Key, ContentType: "application/octet-stream", StorageClass: g.set.StorageClass,
		Metadata: map[string]string{ownerField: o.Owner}})
}

func (g *gcs) Put(ctx context.Context, o Object, body []byte) error {
	meta, err := g.metadata(o)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	for _, part := range []struct {
		kind string
		body []byte
	}{{"application/json", meta}, {"application/octet-stream", body}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind}})
		if err == nil {
			_, err = w.Write(part.body)
		}
		if err != nil {
			return err
		}
	}
	if err := parts.Close(); err != nil {
		return err
	}
	_, err = g.do(sdk.Idempotent(ctx), http.MethodPost, o.Key, g.url("/upload", "", g.query(o, "multipart")),
		http.Header{"Content-Type": {"multipart/related; boundary=" + parts.Boundary()}}, b.Bytes())
	return err
}

func (g *gcs) Head(ctx context.Context, key string) (Info, error) {
	a, err := g.do(ctx, http.MethodGet, key, g.url("", key, nil), nil, nil)
	if err != nil {
		return Info{}, err
	}
	var r resource
	if err := json.Unmarshal(a.raw, &r); err != nil {
		return Info{}, fmt.Errorf("gs://%s/%s: %w", g.bucket, key, err)
	}
	size, err := strconv.ParseInt(r.Size, 10, 64)
	return Info{Size: size, Owner: r.Metadata[ownerField]}, err
}

func (g *gcs) List(ctx context.Context, prefix string, f func(key string)) error {
	query := url.Values{"prefix": {prefix}, "fields": {"items(name),nextPageToken"}}
	for {
		a, err := g.do(ctx, http.MethodGet, prefix, g.url("", "", query), nil, nil)
		if err != nil {
			return err
		}
		var page struct {
			Items         []resource
			NextPageToken string
		}
		if err := json.Unmarshal(a.raw, &page); err != nil {
			return fmt.Errorf("list of gs://%s/%s: %w", g.bucket, prefix, err)
		}
		for _, r := range page.Items {
			f(r.Name)
		}
		if page.NextPageToken == "" {
			return nil
		}
		query.Set("pageToken", page.NextPageToken)
	}
}

func (g *gcs) Remove(ctx context.Context, key string) error {
	_, err := g.do(ctx, http.MethodDelete, key, g.url("", key, nil), nil, nil)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	return err
}

// Begin may be sent twice: an upload whose reply was lost is never completed, so nobody sees it.
// The id is the path and query of the upload's address.
func (g *gcs) Begin(ctx context.Context, o Object) (Upload, error) {
	meta, err := g.metadata(o)
	if err != nil {
		return Upload{}, err
	}
	a, err := g.do(sdk.Idempotent(ctx), http.MethodPost, o.Key, g.url("/upload", "", g.query(o, "resumable")),
		http.Header{"Content-Type": {"application/json"}}, meta)
	if err != nil {
		return Upload{}, err
	}
	at, err := url.Parse(a.Header.Get("Location"))
	if err != nil || at.RawQuery == "" {
		return Upload{}, fmt.Errorf("gs://%s/%s: the store gave no address of an upload", g.bucket, o.Key)
	}
	return Upload{ID: at.RequestURI()}, nil
}

// Part may be sent again: the store ignores bytes that it has.
func (g *gcs) Part(ctx context.Context, o Object, u *Upload, body []byte) error {
	a, err := g.put(ctx, o, u, body, "*")
	if err != nil {
		return err
	}
	first, last, _ := strings.Cut(strings.TrimPrefix(a.Header.Get("Range"), "bytes="), "-")
	n, err := strconv.ParseInt(cmp.Or(last, "-1"), 10, 64)
	if err != nil || last != "" && first != "0" || n+1 > u.Size+int64(len(body)) {
		return fmt.Errorf("gs://%s/%s: the store has bytes %q of an upload of %d", g.bucket, o.Key,
			a.Header.Get("Range"), u.Size+int64(len(body)))
	}
	if n < u.Size {
		return fmt.Errorf("gs://%s/%s: the store took none of %d bytes", g.bucket, o.Key, len(body))
	}
	u.Size = n + 1 // the store may take less than it was sent
	return nil
}

// Complete may be sent twice: the second time the store says what the object is.
func (g *gcs) Complete(ctx context.Context, o Object, u *Upload, tail []byte) error {
	size := strconv.FormatInt(u.Size+int64(len(tail)), 10)
	_, err := g.put(ctx, o, u, tail, size)
	return err
}

// put sends bytes of an upload. total is the object's size, or "*" if more will come.
func (g *gcs) put(ctx context.Context, o Object, u *Upload, body []byte, total string) (answer, error) {
	base := g.base
	base.Path, base.RawPath = "", ""
	header := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%s", u.Size, u.Size+int64(len(body))-1, total)}}
	a, err := send(ctx, http.MethodPut, base.String()+u.ID, header, body)
	if err != nil {
		return a, err
	}
	switch done := a.StatusCode/100 == 2; {
	case a.StatusCode == http.StatusPermanentRedirect && total == "*":
		return a, nil
	case a.StatusCode == http.StatusPermanentRedirect:
		return a, fmt.Errorf("gs://%s/%s: the store has only bytes %q of %s", g.bucket, o.Key,
			a.Header.Get("Range"), total)
	case done:
		var r resource
		if err := json.Unmarshal(a.raw, &r); err != nil || r.Size != total {
			return a, fmt.Errorf("%w: gs://%s/%s has %s bytes, want %s", ErrLost, g.bucket, o.Key, r.Size, total)
		}
		return a, nil
	case a.StatusCode == http.StatusNotFound || a.StatusCode == http.StatusGone:
		return a, fmt.Errorf("%w: gs://%s/%s: %s", ErrLost, g.bucket, o.Key, a.Status)
	}
	return a, g.refused(a, o.Key)
}
