// Files: replies whose bytes the host keeps beside the records, without their passing through the plugin.

package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// File is the body of a reply that the host keeps in the pipeline's folder of files.
type File struct {
	Path   string `json:"path"`   // within that folder, with slashes: equal content has one path
	SHA256 string `json:"sha256"` // of the content, in hex
	Size   int64  `json:"size"`   // in bytes
}

// NotKept is the error of [Keep] when the remote system gave another reply than the file.
type NotKept struct {
	Status int // of the reply
	URL    string
}

func (e *NotKept) Error() string {
	return fmt.Sprintf("%d %s from %s: no file came", e.Status, http.StatusText(e.Status), e.URL)
}

// Keep asks the host to make a request, a GET of something large, and to keep the body of its reply in the folder
// that the block "files" of the pipeline file names. The bytes go from the wire to the disk and do not reach the plugin.
//
// key names the content for good, within the pipeline: what was kept under it is not requested again, in a later run
// neither. Redirects are followed. The file is on the disk, durably, when Keep returns.
//
// The error is a [*NotKept] for a reply that is not 2xx, with the status 413 also where the file is longer than that block allows;
// it is permanent where the pipeline file has no such block; any other comes from [HTTPClient] and may be returned from Read.
func Keep(ctx context.Context, key, url string) (File, error) {
	ask := &Keeping{Key: key}
	req, err := http.NewRequestWithContext(WithKeeping(ctx, ask), http.MethodGet, url, nil)
	if err != nil {
		return File{}, Permanent(err)
	}
	resp, err := HTTPClient(ctx).Do(req)
	if err != nil {
		return File{}, err
	}
	if err := resp.Body.Close(); err != nil {
		return File{}, err
	}
	switch {
	case ask.File != nil:
		return *ask.File, nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return File{}, &NotKept{Status: resp.StatusCode, URL: resp.Request.URL.Redacted()}
	}
	return File{}, Permanent(errors.New("this host keeps no files"))
}

// Keeping is a wish that travels in the context of a request, from [Keep] to the host's transport: to keep the body of a
// 2xx reply, and to say in File where. A transport that keeps no files leaves File nil.
type Keeping struct {
	Key  string
	File *File
}

type keepingKey struct{}

// WithKeeping returns a context that carries k. It is for [Keep] and for what stands between it and the host.
func WithKeeping(ctx context.Context, k *Keeping) context.Context {
	return context.WithValue(ctx, keepingKey{}, k)
}

// KeepingOf returns what a request's context carries, or nil.
func KeepingOf(ctx context.Context) *Keeping {
	k, _ := ctx.Value(keepingKey{}).(*Keeping)
	return k
}
