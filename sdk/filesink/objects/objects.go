// Package objects speaks to object stores for sinks of files: plain HTTP requests through the host,
// which signs them. It sees no credential.
//
// An object is written whole, by Put, or grows in an upload that nobody sees until Complete. Each
// call may be made again after its reply was lost: what it did is then done already, or is asked
// for with Head. Nothing here removes anything because the outcome of a request is not known.
package objects

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// Errors that a caller can do something about.
var (
	ErrNotExist = errors.New("there is no such object")
	// ErrExists: an object that was to be new is there already.
	ErrExists = errors.New("the object exists already")
	// ErrLost: the store does not know the upload any more: it is complete, or was given up.
	ErrLost = errors.New("the store does not know the upload")
)

// Store is a bucket. Its methods may be called by several goroutines at once.
type Store interface {
	// Put writes a whole object. If o.Fresh is set and the object exists, the error is ErrExists.
	Put(ctx context.Context, o Object, body []byte) error
	// Head returns ErrNotExist if there is no such object.
	Head(ctx context.Context, key string) (Info, error)
	// List calls f with the key of each object whose key begins with prefix.
	List(ctx context.Context, prefix string, f func(key string)) error
	// Remove removes an object. It is no error if there is none.
	Remove(ctx context.Context, key string) error
}

// Uploads is a bucket in which an object can grow before it is visible.
type Uploads interface {
	Store
	// Begin begins an upload.
	Begin(ctx context.Context, o Object) (Upload, error)
	// Part adds a part to u. All parts have a size that is a multiple of 1 MiB, and at least 5 MiB.
	Part(ctx context.Context, o Object, u *Upload, body []byte) error
	// Complete adds the last part, which may have any size but 0, and makes the object visible.
	Complete(ctx context.Context, o Object, u *Upload, tail []byte) error
}

// Object is one that is to be written.
type Object struct {
	Key string
	// Owner says who writes it and in which run. It is kept with the object, so that after a lost
	// reply it is known whose object that is.
	Owner string
	Fresh bool // it must not replace another
}

// Info is what is known of an object.
type Info struct {
	Size  int64
	Owner string // "": the store keeps none, or somebody else wrote it
}

// Upload is an object that grows. It can be kept as JSON.
type Upload struct {
	ID    string   `json:"id"`
	Size  int64    `json:"size"` // bytes that were sent
	Parts []string `json:"parts,omitempty"`
}

// Settings are those of a bucket.
type Settings struct {
	Endpoint      string // a URL
	StorageClass  string
	Encryption    string
	EncryptionKey string
}

// Split cuts "s3://bucket/a/b" into scheme, bucket and key. ok is false if path is no URL.
func Split(path string) (scheme, bucket, key string, ok bool) {
	scheme, rest, ok := strings.Cut(path, "://")
	bucket, key, _ = strings.Cut(rest, "/")
	return scheme, bucket, key, ok
}

// scheme is a kind of store.
type scheme struct {
	form     string // of a path
	endpoint string // an example
	open     func(endpoint *url.URL, path string, s Settings) (Uploads, error)
}

var schemes = map[string]scheme{
	"s3": {"s3://bucket/key", "https://s3.eu-central-1.amazonaws.com", newS3},
	"gs": {"gs://bucket/key", "https://storage.googleapis.com", newGCS},
	"az": {"az://container/key", "https://ACCOUNT.blob.core.windows.net", newAzure},
}

// New returns the bucket that a path names.
func New(path string, s Settings) (Uploads, error) {
	name, bucket, _, _ := Split(path)
	kind, ok := schemes[name]
	switch {
	case !ok:
		return nil, sdk.Permanent(fmt.Errorf("path %q: there is no %s://; write a path on disk, s3://bucket/key, "+
			"gs://bucket/key or az://container/key", path, name))
	case bucket == "" || strings.ContainsAny(bucket, "{}"):
		return nil, sdk.Permanent(fmt.Errorf("path %q: it names no bucket: write %s", path, kind.form))
	case s.Endpoint == "":
		return nil, sdk.Permanent(fmt.Errorf(
			"path %q: the address of the store is missing: set endpoint, such as endpoint = %q", path, kind.endpoint))
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("endpoint: %w", err))
	}
	if u.RawQuery != "" || u.Fragment != "" || u.Host == "" {
		return nil, sdk.Permanent(fmt.Errorf("endpoint %q: it is scheme, host and port", s.Endpoint))
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return kind.open(u, bucket, s)
}
