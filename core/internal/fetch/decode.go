// decode takes the encodings off a body.

package fetch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// maxEncodings bounds how often a body may be encoded: each costs memory.
const maxEncodings = 3

// maxZstdWindow bounds the memory of a decoder; RFC 9659 asks no more of anyone.
const maxZstdWindow = 8 << 20

// decode returns a reader of resp's body as it was before it was encoded, and whether it was. What is not known to be an
// encoding is handed on as it is: some hosts write a character set there.
func decode(r io.Reader, resp *http.Response) (io.ReadCloser, bool, error) {
	names := encodingsOf(resp)
	if len(names) == 0 || !hasBody(resp) || slices.ContainsFunc(names, unknownEncoding) {
		return io.NopCloser(r), false, nil
	}
	if len(names) > maxEncodings {
		return nil, false, fmt.Errorf("encoded %d times", len(names))
	}
	layers := layers{Reader: r}
	for _, name := range slices.Backward(names) {
		if err := layers.push(name); err != nil {
			_ = layers.Close() // err says more
			return nil, false, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &layers, true, nil
}

// hasBody reports whether resp has a whole body to be decoded.
func hasBody(resp *http.Response) bool {
	return resp.Body != http.NoBody && resp.StatusCode != http.StatusPartialContent && resp.ContentLength != 0 &&
		(resp.Request == nil || resp.Request.Method != http.MethodHead)
}

func encodingsOf(resp *http.Response) []string {
	var names []string
	for _, name := range strings.Split(strings.Join(resp.Header.Values("Content-Encoding"), ","), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && name != "identity" {
			names = append(names, name)
		}
	}
	return names
}

func unknownEncoding(name string) bool {
	switch name {
	case "gzip", "x-gzip", "zstd", "br", "deflate":
		return false
	}
	return true
}

// layers is a stack of decoders.
type layers struct {
	io.Reader
	closers []func()
}

func (l *layers) push(name string) error {
	switch name {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(l.Reader)
		if err != nil {
			return cut(err)
		}
		l.Reader = z
	case "zstd":
		z, err := zstd.NewReader(l.Reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return err
		}
		l.Reader, l.closers = z, append(l.closers, z.Close)
	case "br":
		l.Reader = brotli.NewReader(l.Reader)
	case "deflate": // never asked for: it is zlib by the book and bare deflate with some hosts
		z, err := zlib.NewReader(l.Reader)
		if err != nil {
			return cut(err)
		}
		l.Reader = z
	}
	return nil
}

// cut makes the end of a body before its first byte what it is: a body that was cut.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (l *layers) Close() error {
	for _, c := range slices.Backward(l.closers) {
		c()
	}
	return nil
}
