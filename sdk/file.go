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

// Expect is what is known of a file before it comes: a server that wants a login answers 200 with its page, and a connection
// through a proxy may end early.
type Expect struct {
	Size *int64 // in bytes: a body of another length is not the file; nil: not known
	Type string // its media type: a page of HTML is not the file if this is another type; "": not known
}

// NotKept is the error of [Keep] when the remote system gave another reply than the file, or none.
type NotKept struct {
	Status  int // of the reply; 0: none came
	URL     string
	Problem string // of a reply 2xx: why it is not the file
	Err     error  // why no reply came; its class is that of this error
}

func (e *NotKept) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Problem != "":
		return fmt.Sprintf("%s: %s", e.URL, e.Problem)
	}
	return fmt.Sprintf("%d %s from %s: no file came", e.Status, http.StatusText(e.Status), e.URL)
}

func (e *NotKept) Unwrap() error { return e.Err }

// Keep asks the host to make a request, a GET of something large, and to keep the body of its reply in the folder
// that the block "files" of the pipeline file names. The bytes go from the wire to the disk and do not reach the plugin.
//
// key names the content for good, within the pipeline: what was kept under it is not requested again, in a later run
// neither, unless it is not what expect says. Redirects are followed. The file is on the disk, durably, when Keep returns.
//
// The error is a [*NotKept] where there is no such file: for a reply that is not 2xx, with the status 413 also where the file is
// longer than that block allows; for a body that is not what expect says; and where the request itself fails. Nothing is kept
// then, and the same key is asked for again. The error is permanent where the pipeline file has no such block; any other
// may be returned from Read.
func Keep(ctx context.Context, key, url string, expect ...Expect) (File, error) {
	ask := &Keeping{Key: key}
	for _, e := range expect {
		ask.Expect = e
	}
	req, err := http.NewRequestWithContext(WithKeeping(ctx, ask), http.MethodGet, url, nil)
	if err != nil {
		return File{}, Permanent(err)
	}
	resp, err := HTTPClient(ctx).Do(req)
	if none := (*NotKept)(nil); errors.As(err, &none) {
		return File{}, &NotKept{URL: req.URL.Redacted(), Err: unwrapped(err)}
	}
	if err != nil {
		return File{}, err
	}
	if err := resp.Body.Close(); err != nil {
		return File{}, err
	}
	none := &NotKept{Status: resp.StatusCode, URL: resp.Request.URL.Redacted(), Problem: ask.Problem}
	switch {
	case ask.Problem != "":
		return File{}, none
	case ask.File != nil:
		return *ask.File, nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return File{}, none
	}
	return File{}, Permanent(errors.New("this host keeps no files"))
}

// Keeping is a wish that travels in the context of a request, from [Keep] to the host's transport: to keep the body of a
// 2xx reply, and to say in File where, or in Problem why it is not the file. A transport that keeps no files leaves both as they are. Its
// error is a [*NotKept] if it is the request that failed.
type Keeping struct {
	Key     string
	Expect  Expect
	File    *File
	Problem string
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
