// Expected: checks whether a body is the requested file.

package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/scrapekit/scrapekit/sdk/reply"
)

// otherFile is the error of a body that is not the requested file.
type otherFile struct{ why string }

func (e *otherFile) Error() string { return e.why }

func sized(e reply.Expect, size int64) bool { return e.Size == nil || *e.Size == size }

// expected returns the body of a 2xx reply. Reading it fails with an [otherFile] if it does not
// match e.
func expected(e reply.Expect, resp *http.Response) (io.Reader, error) {
	if e.Type != "" && !page(e.Type) {
		if came := resp.Header.Get("Content-Type"); page(came) && !(unknown(e.Type) && e.Size != nil) {
			return nil, &otherFile{fmt.Sprintf("a page of HTML came, as of a login or an error, where %s was expected",
				mediaType(e.Type))}
		}
	}
	if e.Size != nil {
		return &exactly{r: resp.Body, want: *e.Size}, nil
	}
	if e.Type == "" || page(e.Type) {
		return resp.Body, nil
	}
	body := bufio.NewReader(resp.Body)
	head, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if page(http.DetectContentType(bytes.TrimPrefix(head, []byte("\ufeff")))) {
		return nil, &otherFile{fmt.Sprintf(
			"what came looks like a page of HTML, as of a login or an error, where %s was expected", mediaType(e.Type))}
	}
	return body, nil
}

func mediaType(text string) string {
	name, _, err := mime.ParseMediaType(text)
	if err != nil {
		return text
	}
	return name
}

func page(text string) bool {
	name := mediaType(text)
	return name == "text/html" || name == "application/xhtml+xml"
}

// unknown reports whether a content type is generic, such as application/octet-stream.
func unknown(text string) bool {
	switch mediaType(text) {
	case "application/octet-stream", "binary/octet-stream", "application/unknown", "application/x-download":
		return true
	}
	return false
}

// exactly is a body that must have a given length.
type exactly struct {
	r       io.Reader
	want, n int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.n += int64(n)
	switch {
	case e.n > e.want:
		return 0, &otherFile{fmt.Sprintf("more than the %d bytes came that it has", e.want)}
	case errors.Is(err, io.EOF) && e.n < e.want:
		return 0, &otherFile{fmt.Sprintf("%d bytes came of the %d that it has", e.n, e.want)}
	}
	return n, err
}
