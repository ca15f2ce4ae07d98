// Whole reads and decodes the complete body of a reply, so that a truncated reply is a failed
// attempt and never reaches a plugin.

package body

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// encodings are the accepted encodings, best first.
const encodings = "zstd, br, gzip"

// Whole reads and decodes each reply. The body of a returned reply is a [*Body].
func Whole(p httppolicy.Policy, pool *Pool) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			req.Header.Set("Accept-Encoding", encodings)
			if req.Header.Get("Range") != "" {
				req.Header.Set("Accept-Encoding", "identity") // a part of an encoded body cannot be decoded
			}
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			b, err := readWhole(req, resp, p, pool)
			if err != nil {
				return nil, bodyError(resp, err)
			}
			resp.Body = b
			return resp, nil
		})
	}
}

// bodyError explains an error in a body: truncated, or not encoded as declared.
func bodyError(resp *http.Response, err error) error {
	var known *fault.Error
	var other *encodingError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &other):
		return &fault.Error{Outcome: fault.Of("encoding"),
			Err: fmt.Errorf("the reply (%s): %w", fault.StatusText(resp.StatusCode), err)}
	}
	return &fault.Error{Outcome: judgeBody(err),
		Err: fmt.Errorf("the reply (%s) broke off: %w", fault.StatusText(resp.StatusCode), err)}
}

// judgeBody returns the outcome for an error in a body.
func judgeBody(err error) fault.Outcome {
	o := fault.JudgeError(err)
	if o.Cause == "reset" || o.Cause == "garbage" {
		return fault.Of("truncated")
	}
	return o
}

// readWhole reads the body of resp and adapts its headers.
func readWhole(req *http.Request, resp *http.Response, p httppolicy.Policy, pool *Pool) (*Body, error) {
	defer resp.Body.Close() // read to its end, or not usable
	if resp.ContentLength > p.MaxBody {
		return nil, tooLarge(p.MaxBody)
	}
	wire := &counter{r: resp.Body}
	isJSON, set := jsonText(req, resp)
	decoded, isEncoded, err := decode(wire, resp, isJSON)
	if err != nil {
		return nil, wire.blame(resp, err)
	}
	text, isText := utf8Text(decoded, set)
	b := New(pool, p)
	limited := &limiter{r: text, wire: wire, max: p.MaxBody, encoded: isEncoded, ratio: p.MaxRatio}
	err = errors.Join(b.Fill(limited), decoded.Close())
	if err == nil {
		err = wire.drain()
	}
	if isEncoded {
		err = wire.blame(resp, err)
	}
	if err != nil {
		_ = b.Close() // err is the error to report
		return nil, err
	}
	b.wire = wire.n
	if resp.Request != nil && resp.Request.Method == http.MethodHead || resp.StatusCode == http.StatusNotModified {
		return b, nil // Content-Length and Content-Encoding describe a body that was not sent
	}
	resp.ContentLength = b.size
	resp.Header.Set("Content-Length", strconv.FormatInt(b.size, 10))
	resp.TransferEncoding, resp.Trailer = nil, nil
	if isText {
		kind, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // it was parsed before
		params["charset"] = "utf-8"
		resp.Header.Set("Content-Type", mime.FormatMediaType(kind, params))
	}
	if isEncoded {
		resp.Header.Del("Content-Encoding")
		resp.Uncompressed = true
	}
	return b, nil
}

// counter counts received bytes.
type counter struct {
	r   io.Reader
	n   int64
	err error // that ended the transfer
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// blame turns a decoding error into an [encodingError], unless the transfer failed or was
// truncated.
func (c *counter) blame(resp *http.Response, err error) error {
	transfer := c.err != nil && !errors.Is(c.err, io.EOF)
	if err == nil || transfer || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*fault.Error)) ||
		errors.As(err, new(*encodingError)) {
		return err
	}
	return &encodingError{strings.Join(encodingsOf(resp), ", "), err}
}

// drain reads what follows an encoded body: the end of the transfer, without which the connection
// cannot be reused.
func (c *counter) drain() error {
	n, err := io.Copy(io.Discard, io.LimitReader(c.r, 64<<10))
	c.n += n
	return err
}

// ratioFrom is the decoded size up to which any ratio is allowed: it costs no more than an
// unencoded body of that size.
const ratioFrom = 1 << 20

// limiter ends a body that is too large, decoded or in relation to its encoded size.
type limiter struct {
	r       io.Reader
	wire    *counter
	max     int64
	encoded bool
	ratio   int64 // largest allowed ratio; negative: any
	n       int64
}

func (l *limiter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.n += int64(n)
	if l.n > l.max {
		return n, tooLarge(l.max)
	}
	if l.encoded && l.ratio >= 0 && l.n > ratioFrom && l.n/l.ratio > l.wire.n {
		return n, tooDense(l.ratio)
	}
	return n, err
}

// tooDense is the error of a decompression bomb, or of an honest log of one repeated line, which
// shrinks to a thousandth.
func tooDense(ratio int64) error {
	return &fault.Error{Outcome: fault.Outcome{Verdict: fault.Never, Cause: "too large"},
		Err: fmt.Errorf("the decoded body has more than %d MiB and more than %d times its encoded size, which may "+
			"be an attack; if the host is honest, raise http.max_ratio", ratioFrom>>20, ratio)}
}

func tooLarge(limit int64) error {
	return &fault.Error{Outcome: fault.Outcome{Verdict: fault.Never, Cause: "too large"},
		Err: fmt.Errorf("the body is larger than http.max_body (%d bytes); ask for less at a time or raise the limit",
			limit)}
}
