package fetch

import (
	"net/http"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// FuzzReply sends any bytes as a reply: heads, lengths, chunks, encodings. What comes out is whole,
// or an error.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 429 No\r\nRetry-After: 99999999999999999999\r\nRateLimit: \"a\";r=-1;t=1e309\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, br\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + encoded(f, "gzip", "text"),
		"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n\r\n" + encoded(f, "zstd", "text"),
		"HTTP/1.1 200 OK\r\nContent-Encoding: br, deflate\r\n\r\n" + encoded(f, "deflate", encoded(f, "br", "text")),
	} {
		f.Add([]byte(seed))
	}
	const most = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &scripted{scripts: []script{raw(string(data))}}
		c := s.client(t, Options{})
		resp, body, err := ask(t.Context(),
			transport(t, c, httppolicy.Policy{Attempts: 1, MaxWait: 1, MaxBody: most, SpoolDir: t.TempDir()}), "GET",
			page, "")
		switch {
		case err != nil:
		case len(body) > most:
			t.Errorf("%d bytes", len(body))
		case resp.StatusCode != http.StatusNotModified && resp.ContentLength != int64(len(body)):
			t.Errorf("%d bytes of %d: %v", len(body), resp.ContentLength, resp)
		case resp.Header.Get("Scrapekit-Gave-Up") != "":
			t.Errorf("the host speaks as if it were ours: %v", resp.Header)
		}
	})
}
