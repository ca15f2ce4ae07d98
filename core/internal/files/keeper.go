// Keeper: it asks for the files that a plugin wants kept.

package files

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// errTooLong is in the error of a file that is longer than the pipeline file allows.
var errTooLong = errors.New("the file is longer than files.max_size allows")

// Keeper makes a plugin's requests for files by Next and keeps what comes in Folder.
type Keeper struct {
	Next    http.RoundTripper
	Folder  func() (*Folder, error) // opened when it is needed first; nil: the pipeline file names none
	MaxSize int64                   // of a file in bytes
	TooLong func(error) bool        // whether Next refused a reply for its length; nil: it never does
}

// Keep is [sdk.Host.Keep].
func (k *Keeper) Keep(req *http.Request, key string, expect reply.Expect) (reply.File, error) {
	if k.Folder == nil {
		return reply.File{}, sdk.Permanent(
			errors.New(`no folder for files: add files { path = "…" } to the source's block`))
	}
	folder, err := k.Folder()
	if err != nil {
		return reply.File{}, sdk.Permanent(fmt.Errorf("folder for files: %w", err))
	}
	if file, ok := folder.Known(key); ok && sized(expect, file.Size) {
		return file, nil
	}
	resp, err := sdk.HTTPClient(sdk.Host{Transport: k.Next}.In(req.Context())).Do(req)
	if err != nil {
		return reply.File{}, k.noReply(req, err)
	}
	defer resp.Body.Close()
	none := &reply.NotKept{Status: resp.StatusCode, URL: resp.Request.URL.Redacted()}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		none.Said = said(resp)
		return reply.File{}, none
	}
	file, err := k.keep(folder, key, expect, resp)
	var other *otherFile
	switch {
	case errors.Is(err, errTooLong):
		none.TooLong, none.Problem = true, errTooLong.Error()
		return reply.File{}, none
	case errors.As(err, &other):
		none.Problem = other.why
		return reply.File{}, none
	case err != nil:
		return reply.File{}, fmt.Errorf("%s: %w", none.URL, err)
	}
	return file, nil
}

// noReply says what the error of a request is to the file.
func (k *Keeper) noReply(req *http.Request, err error) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err // without the URL, which may hold what is secret
	}
	switch {
	case k.TooLong != nil && k.TooLong(err):
		return &reply.NotKept{URL: req.URL.Redacted(), TooLong: true, Problem: errTooLong.Error()}
	case req.Context().Err() != nil || sdk.RetryDelay(err) > 0: // a pause is no fault of the file
		return err
	}
	return &reply.NotKept{URL: req.URL.Redacted(), Err: err}
}

// said is the beginning of a body, and what the host has to say of the reply.
func said(resp *http.Response) string {
	const shown = 200
	head, _ := io.ReadAll(io.LimitReader(resp.Body, shown)) // as far as it can be had
	var all []string
	for _, text := range []string{strings.Join(strings.Fields(strings.ToValidUTF8(string(head), "")), " "),
		reply.GaveUp(resp), reply.Login(resp)} {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, ": ")
}

func (k *Keeper) keep(folder *Folder, key string, expect reply.Expect, resp *http.Response) (reply.File, error) {
	if k.MaxSize > 0 && resp.ContentLength > k.MaxSize {
		return reply.File{}, errTooLong
	}
	body, err := expected(expect, resp)
	if err != nil {
		return reply.File{}, err
	}
	if k.MaxSize > 0 {
		body = &bounded{r: body, left: k.MaxSize}
	}
	return folder.Keep(key, body)
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
