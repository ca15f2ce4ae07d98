// Keeper: the decorator that keeps the replies that a plugin asks to keep.

package files

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/scrapekit/scrapekit/sdk"
)

// errTooLong is in the error of a file that is longer than the pipeline file allows.
var errTooLong = errors.New("the file is longer than files.max_size allows")

// Keeper makes a plugin's requests by Next and keeps replies in Folder where the plugin asks for it.
type Keeper struct {
	Next    http.RoundTripper
	Folder  func() (*Folder, error) // opened when it is needed first; nil: the pipeline file names none
	MaxSize int64                   // of a file in bytes
	TooLong func(error) bool        // whether Next refused a reply for its length; nil: it never does
}

// RoundTrip implements http.RoundTripper.
func (k *Keeper) RoundTrip(req *http.Request) (*http.Response, error) {
	ask := sdk.KeepingOf(req.Context())
	if ask == nil {
		return k.Next.RoundTrip(req)
	}
	if k.Folder == nil {
		return nil, sdk.Permanent(errors.New(`no folder for files: add files { path = "…" } to the source's block`))
	}
	folder, err := k.Folder()
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("folder for files: %w", err))
	}
	if file, ok := folder.Known(ask.Key); ok && sized(ask.Expect, file.Size) {
		ask.File = &file
		return short(req, http.StatusNoContent), nil
	}
	resp, err := k.Next.RoundTrip(req)
	switch {
	case err != nil && k.TooLong != nil && k.TooLong(err):
		return short(req, http.StatusRequestEntityTooLarge), nil
	case err != nil && req.Context().Err() == nil && sdk.RetryDelay(err) == 0: // a pause is no fault of the file
		return nil, &sdk.NotKept{Err: err}
	case err != nil || resp.StatusCode < 200 || resp.StatusCode > 299:
		return resp, err
	}
	file, err := k.keep(folder, ask, resp)
	var other *otherFile
	switch {
	case errors.Is(err, errTooLong):
		return short(req, http.StatusRequestEntityTooLarge), nil
	case errors.As(err, &other):
		ask.Problem = other.why
		return short(req, resp.StatusCode), nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	ask.File = &file
	return short(req, http.StatusNoContent), nil
}

func (k *Keeper) keep(folder *Folder, ask *sdk.Keeping, resp *http.Response) (sdk.File, error) {
	defer resp.Body.Close()
	if k.MaxSize > 0 && resp.ContentLength > k.MaxSize {
		return sdk.File{}, errTooLong
	}
	body, err := expected(ask.Expect, resp)
	if err != nil {
		return sdk.File{}, err
	}
	if k.MaxSize > 0 {
		body = &bounded{r: body, left: k.MaxSize}
	}
	return folder.Keep(ask.Key, body)
}

// bounded refuses to read more than left bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// short is a reply without a body: 204 in place of the one whose body lies in the folder, 413 for one that is too long for it.
func short(req *http.Request, status int) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}
}
