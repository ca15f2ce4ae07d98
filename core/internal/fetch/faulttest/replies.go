// Good replies, in the forms that hosts send them in.

package faulttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// reply answers with a status, headers and a body of stated length.
func (x *exchange) reply(status int, headers []string, body string) bool {
	return x.text(head(status, append(headers, fmt.Sprint("Content-Length: ", len(body)))...) + body)
}

func (x *exchange) text(s string) bool { return x.send([]byte(s)) }

// send reports whether the client is still there.
func (x *exchange) send(b []byte) bool {
	_, err := x.Write(b)
	return err == nil
}

func head(status int, headers ...string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\n%s\r\n\r\n", status, http.StatusText(status), strings.Join(headers, "\r\n"))
}

// good sends the page whole.
func (x *exchange) good() bool {
	if x.random.IntN(10) == 0 {
		x.text("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
	}
	body, headers := x.encode(x.body)
	switch x.random.IntN(4) {
	case 0:
		x.text(head(200, append(headers, "Connection: close")...))
		x.send(body)
		return false
	case 1, 2:
		x.text(head(200, append(headers, "Transfer-Encoding: chunked")...))
		return x.chunks(body) && x.text("0\r\n\r\n")
	}
	x.text(head(200, append(headers, fmt.Sprint("Content-Length: ", len(body)))...))
	return x.dribble(body)
}

// encode encodes a body, or not.
func (x *exchange) encode(body []byte) ([]byte, []string) {
	names := []string{"", "", "gzip", "zstd", "br", "deflate"}
	name := names[x.random.IntN(len(names))]
	if name == "" {
		return body, []string{"Content-Type: application/json"}
	}
	return compress(name, body), []string{"Content-Encoding: " + name}
}

func compress(name string, body []byte) []byte {
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w, _ = gzip.NewWriterLevel(&b, 1)
	case "deflate":
		w, _ = zlib.NewWriterLevel(&b, 1)
	case "br":
		w = brotli.NewWriterLevel(&b, 1)
	case "zstd":
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(32<<10))
	}
	if _, err := w.Write(body); err != nil {
		panic(err) // a buffer takes all
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (x *exchange) chunks(body []byte) bool {
	for len(body) > 0 {
		n := min(len(body), 1+x.random.IntN(8000))
		if !x.text(fmt.Sprintf("%x\r\n%s\r\n", n, body[:n])) {
			return false
		}
		body = body[n:]
	}
	return true
}

// dribble sends a body in parts, with pauses that no limit forbids.
func (x *exchange) dribble(body []byte) bool {
	for len(body) > 0 {
		n := min(len(body), 1+x.random.IntN(30_000))
		if _, err := x.Write(body[:n]); err != nil {
			return false
		}
		if body = body[n:]; x.random.IntN(20) == 0 {
			time.Sleep(time.Duration(x.random.IntN(25)) * time.Second)
		}
	}
	return true
}
