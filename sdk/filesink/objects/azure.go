// Azure: what Azure Blob Storage is asked, by its REST API.

package objects

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

const (
	azureVersion = "2021-12-02" // of the API
	azureOwner   = "X-Ms-Meta-Scrapekit"
)

// azure is a container.
type azure struct {
	base      url.URL // of the account
	container string
	set       Settings
}

func newAzure(endpoint *url.URL, container string, set Settings) (Uploads, error) {
	if set.Encryption != "" {
		return nil, advised("encryption %q: az:// has none: set encryption_key to the name of an encryption scope",
			set.Encryption)
	}
	return &azure{base: *endpoint, container: container, set: set}, nil
}

// do makes a request. A reply that is no success is an error.
func (z *azure) do(ctx context.Context, method, key string, query url.Values, header http.Header, body []byte) (answer,
	error) {
	u := z.base
	if u.Path += "/" + z.container; key != "" {
		u.Path += "/" + key
	}
	u.RawPath = strictly(u.Path)
	u.RawQuery = query.Encode()
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("X-Ms-Version", azureVersion)
	a, err := send(ctx, method, u.String(), header, body)
	if err == nil && a.StatusCode/100 != 2 {
		err = z.refused(a, key)
	}
	return a, err
}

func (z *azure) refused(a answer, key string) error {
	e := &refusal{Status: a.StatusCode}
	_ = xml.Unmarshal(a.raw, e)                    // a reply to HEAD has none
	e.Message, _, _ = strings.Cut(e.Message, "\n") // an id and the time follow
	if e.Code == "" {
		e.Code = a.Header.Get("X-Ms-Error-Code")
	}
	err := e.err(a, fmt.Sprintf("az://%s/%s", z.container, key), z.advice(e))
	switch {
	case e.Code == "BlobAlreadyExists" || e.Status == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case e.Code == "InvalidBlockList":
		return fmt.Errorf("%w: %w", ErrLost, err)
	case e.Status == http.StatusNotFound && e.Code != "ContainerNotFound":
		return fmt.Errorf("%w: %w", ErrNotExist, err)
	}
	return err
}

// advice says what to do about a mistake in the settings.
func (z *azure) advice(e *refusal) string {
	switch {
	case e.Code == "ContainerNotFound":
		return fmt.Sprintf("make the container %s, or mend path", z.container)
	case e.Code == "AuthenticationFailed" || e.Status == http.StatusUnauthorized ||
		strings.Contains(e.Message, "failed to authenticate the request"):
		return `check auth "azure" in the http block of the sink`
	case e.Status == http.StatusForbidden:
		return fmt.Sprintf("the credential needs read, add, create, write, delete and list on the container %s, "+
			"as the role Storage Blob Data Contributor has them", z.container)
	}
	return ""
}

// header is what a new blob is given.
func (z *azure) header(o Object) http.Header {
	h := http.Header{azureOwner: {o.Owner}, "X-Ms-Blob-Content-Type": {"application/octet-stream"}}
	if z.set.StorageClass != "" {
		h.Set("X-Ms-Access-Tier", z.set.StorageClass)
	}
	if o.Fresh {
		h.Set("If-None-Match", "*")
	}
	z.scoped(h)
	return h
}

// scoped adds the encryption scope, which each request that writes must name.
func (z *azure) scoped(h http.Header) {
	if z.set.EncryptionKey != "" {
		h.Set("X-Ms-Encryption-Scope", z.set.EncryptionKey)
	}
}

func (z *azure) Put(ctx context.Context, o Object, body []byte) error {
	h := z.header(o)
	h.Set("X-Ms-Blob-Type", "BlockBlob")
	_, err := z.do(ctx, http.MethodPut, o.Key, nil, h, body)
	return err
}

func (z *azure) Head(ctx context.Context, key string) (Info, error) {
	a, err := z.do(ctx, http.MethodHead, key, nil, nil, nil)
	if err != nil {
		return Info{}, err
	}
	size, err := strconv.ParseInt(a.Header.Get("Content-Length"), 10, 64)
	return Info{Size: size, Owner: a.Header.Get(azureOwner)}, err
}

func (z *azure) List(ctx context.Context, prefix string, f func(key string)) error {
	query := url.Values{"restype": {"container"}, "comp": {"list"}, "prefix": {prefix}}
	for {
		a, err := z.do(ctx, http.MethodGet, "", query, nil, nil)
		if err != nil {
			return err
		}
		var page struct {
			Blobs struct {
				Blob []struct{ Name string }
			}
			NextMarker string
		}
		if err := xml.Unmarshal(a.raw, &page); err != nil {
			return fmt.Errorf("list of az://%s/%s: %w", z.container, prefix, err)
		}
		for _, b := range page.Blobs.Blob {
			f(b.Name)
		}
		if page.NextMarker == "" {
			return nil
		}
		query.Set("marker", page.NextMarker)
	}
}

func (z *azure) Remove(ctx context.Context, key string) error {
	if _, err := z.do(ctx, http.MethodDelete, key, nil, nil, nil); !errors.Is(err, ErrNotExist) {
		return err
	}
	return nil
}

// Begin asks nothing: a blob grows by blocks that nobody sees until a list of them is written. The
// id keeps them apart from those of another upload.
func (z *azure) Begin(context.Context, Object) (Upload, error) { return Upload{ID: rand.Text()}, nil }

// Part replaces a block of the same name, so it may be sent again.
func (z *azure) Part(ctx context.Context, o Object, u *Upload, body []byte) error {
	id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s-%06d", u.ID, len(u.Parts)+1))
	h := http.Header{}
	z.scoped(h)
	if _, err := z.do(ctx, http.MethodPut, o.Key, url.Values{"comp": {"block"}, "blockid": {id}}, h, body); err != nil {
		return err
	}
	u.Parts, u.Size = append(u.Parts, id), u.Size+int64(len(body))
	return nil
}

type blockList struct {
	XMLName xml.Name `xml:"BlockList"`
	Blocks  []string `xml:"Uncommitted"`
}

// Complete may be sent twice: the second time the store does not know the blocks any more, as it
// does not if somebody else has written the blob meanwhile.
func (z *azure) Complete(ctx context.Context, o Object, u *Upload, tail []byte) error {
	if err := z.Part(ctx, o, u, tail); err != nil {
		return err
	}
	body, err := xml.Marshal(blockList{Blocks: u.Parts})
	if err != nil {
		return sdk.Permanent(err)
	}
	_, err = z.do(ctx, http.MethodPut, o.Key, url.Values{"comp": {"blocklist"}}, z.header(o), body)
	return err
}
