// decode removes content encodings. Declared encodings are often wrong: a proxy has decoded the
// body already, gzip is called deflate, JSON is in undeclared gzip. The first bytes decide if they
// are unambiguous.

package body

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// maxEncodings bounds the encodings of a body, because each costs memory.
const maxEncodings = 3

// maxZstdWindow bounds the memory of a decoder, at the limit of RFC 9659.
const maxZstdWindow = 8 << 20

// headBytes is the number of bytes that are examined.
const headBytes = 512

// decode returns a reader of the decoded body, and whether it was encoded or declared so. text says
// that the body is JSON, so undeclared encodings are removed too.
func decode(r io.Reader, resp *http.Response, text bool) (io.ReadCloser, bool, error) {
	names := encodingsOf(resp)
	if !hasBody(resp) || len(names) == 0 && !text {
		return io.NopCloser(r), false, nil
	}
	if len(names) > maxEncodings {
		return nil, false, &encodingError{strings.Join(names, ", "), fmt.Errorf("encoded %d times", len(names))}
	}
	layers := layers{Reader: r, says: strings.Join(names, ", ")}
	for _, name := range slices.Backward(names) {
		if err := layers.take(name); err != nil {
			_ = layers.Close() // err is more specific
			return nil, false, err
		}
	}
	for text && layers.depth < maxEncodings {
		more, err := layers.undeclared()
		if err != nil {
			_ = layers.Close() // err is more specific
			return nil, false, err
		}
		if !more {
			break
		}
	}
	return &layers, len(names) > 0 || layers.depth > 0, nil
}

// hasBody reports whether resp has a complete body to decode.
func hasBody(resp *http.Response) bool {
	return resp.Body != http.NoBody && resp.StatusCode != http.StatusPartialContent && resp.ContentLength != 0 &&
		(resp.Request == nil || resp.Request.Method != http.MethodHead)
}

// encodingsOf returns the declared encodings that have a decoder. Some hosts declare character sets
// or nonsense.
func encodingsOf(resp *http.Response) []string {
	var names []string
	for _, name := range strings.Split(strings.Join(resp.Header.Values("Content-Encoding"), ","), ",") {
		name, _, _ = strings.Cut(name, ";")
		switch name = strings.Trim(strings.ToLower(name), " \t\"'"); name {
		case "gzip", "zstd", "br", "deflate", "compress":
			names = append(names, name)
		case "x-gzip", "x-compress":
			names = append(names, name[2:])
		}
	}
	return names
}

// encodingError is of a body that is not what its Content-Encoding says, and nothing else that is
// known either.
type encodingError struct {
	says string // Content-Encoding; "": nothing
	err  error
}

func (e *encodingError) Error() string {
	if e.says == "" {
		return fmt.Sprintf("the body looks encoded, and cannot be decoded: %v", e.err)
	}
	return fmt.Sprintf("the body is not what Content-Encoding says (%s): %v", e.says, e.err)
}

func (e *encodingError) Unwrap() error { return e.err }

// layers is a stack of decoders.
type layers struct {
	io.Reader
	closers []func()
	says    string
	depth   int
}

// take adds a decoder for a declared encoding: that of the name, that of the actual content, or
// none if it is not encoded.
func (l *layers) take(name string) error {
	body := bufio.NewReaderSize(l.Reader, headBytes)
	head, err := body.Peek(headBytes)
	l.Reader = body
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case len(head) == 0:
		return io.ErrUnexpectedEOF // truncated before its first byte
	}
	switch known := magic(head); {
	case known != "":
		name = known
	case name == "gzip" || name == "zstd" || name == "compress":
		if http.DetectContentType(head) != "application/octet-stream" {
			return nil
		}
		return &encodingError{l.says, fmt.Errorf("it does not begin as %s does", name)}
	case plainText(head) && (len(head) == headBytes || !decodes(name, head)):
		return nil
	}
	return l.push(name)
}

// undeclared adds a decoder for JSON in undeclared gzip or zstd, recognised because JSON does not
// begin like them.
func (l *layers) undeclared() (bool, error) {
	body := bufio.NewReaderSize(l.Reader, headBytes)
	l.Reader = body
	head, err := body.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	name := magic(head)
	if name != "gzip" && name != "zstd" {
		return false, nil
	}
	return true, l.push(name)
}

// magic returns the encoding that head certainly has, or "". The first two bytes of zlib contain a
// checksum.
func magic(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}) && len(head) > 3 && head[3] < 0x20:
		return "gzip"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	case bytes.HasPrefix(head, []byte{0x1f, 0x9d}):
		return "compress"
	}
	return ""
}

// plainText reports whether head is the beginning of a text: UTF-8 without control characters.
// Encoded data is very unlikely to look like that.
func plainText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && utf8.FullRune(head) || r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		head = head[n:]
	}
	return true
}

// decodes reports whether a short complete body can be decoded as name.
func decodes(name string, whole []byte) bool {
	l := layers{Reader: bytes.NewReader(whole)}
	if l.push(name) != nil {
		return false
	}
	_, err := io.Copy(io.Discard, io.LimitReader(l.Reader, 1<<20))
	return errors.Join(err, l.Close()) == nil
}

// push adds a decoder.
func (l *layers) push(name string) error {
	l.depth++
	body, isBuffered := l.Reader.(*bufio.Reader)
	if !isBuffered {
		body = bufio.NewReaderSize(l.Reader, headBytes)
	}
	switch name {
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return cut(err)
		}
		z.Multistream(false)
		l.Reader = &members{z, body}
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return &encodingError{l.says, err}
		}
		l.Reader, l.closers = z, append(l.closers, z.Close)
	case "br":
		l.Reader = brotli.NewReader(body)
	case "deflate": // never requested: it is zlib by the standard, but raw deflate from some hosts
		if head, _ := body.Peek(2); len(head) == 2 && head[0]&15 == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			z, err := zlib.NewReader(body)
			if err != nil {
				return cut(err)
			}
			l.Reader = z
			return nil
		}
		l.Reader = flate.NewReader(body)
	default:
		return &encodingError{l.says, fmt.Errorf("it is encoded as %s, which was not asked for and cannot be decoded",
			name)}
	}
	return nil
}

// members reads the members of a gzip file in sequence. Like gzip(1), it ignores trailing zeros.
type members struct {
	one  *gzip.Reader
	body *bufio.Reader
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.one.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if n > 0 {
			return n, nil // the next read returns the end again
		}
		if err := m.next(); err != nil {
			return 0, err
		}
	}
}

// next opens the next member, or returns io.EOF.
func (m *members) next() error {
	for {
		b, err := m.body.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			break
		}
	}
	if err := m.body.UnreadByte(); err != nil {
		return err
	}
	if err := m.one.Reset(m.body); err != nil {
		return cut(err)
	}
	m.one.Multistream(false)
	return nil
}

// cut turns an end before the first byte into a truncation.
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
