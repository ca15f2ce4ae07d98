package fetch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// encoded returns text in an encoding.
func encoded(t testing.TB, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// serve starts a host and returns a client for it.
func serve(t *testing.T, h http.HandlerFunc) (*Client, *httptest.Server, httppolicy.Policy) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := New(Options{})
	t.Cleanup(c.Close)
	return c, s, httppolicy.Policy{Allow: []origin.Origin{mustOrigin(t, s.URL)}, SpoolDir: t.TempDir(), Attempts: 2}
}

func random(n int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b) // never fails
	return string(b)
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a page of text, ", 1000)
	for _, name := range []string{"gzip", "zstd", "br", "deflate"} {
		c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if name != "deflate" && !strings.Contains(r.Header.Get("Accept-Encoding"), name) {
				t.Errorf("%s was not offered: %q", name, r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", name)
			io.WriteString(w, encoded(t, name, text))
		})
		resp, body, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
		if err != nil || body != text {
			t.Fatalf("%s: %d bytes, %v", name, len(body), err)
		}
		if resp.Header.Get("Content-Encoding") != "" || resp.ContentLength != int64(len(text)) ||
			resp.Header.Get("Content-Length") != fmt.Sprint(len(text)) {
			t.Errorf("%s: %v, length %d", name, resp.Header, resp.ContentLength)
		}
		if st := only(t, c); st.BytesIn != int64(len(encoded(t, name, text))) || st.BytesDecoded != int64(len(text)) {
			t.Errorf("%s: %d in, %d decoded", name, st.BytesIn, st.BytesDecoded)
		}
	}
}

func TestEncodingsNested(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip, br")
		io.WriteString(w, encoded(t, "br", encoded(t, "gzip", "inner")))
	})
	if _, body, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); err != nil || body != "inner" {
		t.Errorf("%q %v", body, err)
	}
}

// What a host says of the encoding is not so: the body is taken for what it is.
func TestWrongEncodings(t *testing.T) {
	t.Parallel()
	const text = `{"a":"text"}`
	bare := func() string {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, 5)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}()
	for name, c := range map[string]struct{ says, kind, body string }{
		"gzip that is text":           {"gzip", "application/json", text},
		"zstd that is text":           {"zstd", "application/json", text},
		"br that is short text":       {"br", "application/json", text},
		"br that is long text":        {"br", "text/html", "<html>" + strings.Repeat("a page ", 1000)},
		"deflate that is text":        {"deflate", "application/json", text},
		"gzip that is a picture":      {"gzip", "image/png", "\x89PNG\r\n\x1a\n0000"},
		"deflate that is bare":        {"deflate", "application/json", bare},
		"deflate that is gzip":        {"deflate", "application/json", encoded(t, "gzip", text)},
		"gzip that is zstd":           {"gzip", "application/json", encoded(t, "zstd", text)},
		"br that is gzip":             {"br", "application/json", encoded(t, "gzip", text)},
		"br that is br":               {"br", "application/json", encoded(t, "br", text)},
		"said twice, done once":       {"gzip, gzip", "application/json", encoded(t, "gzip", text)},
		"done twice, said once":       {"gzip", "application/json", encoded(t, "gzip", encoded(t, "gzip", text))},
		"JSON in gzip, nothing said":  {"", "application/problem+json", encoded(t, "gzip", text)},
		"JSON in gzip, nonsense said": {"utf-8", "application/json", encoded(t, "gzip", text)},
		"with nonsense beside it":     {"gzip, utf-8", "application/json", encoded(t, "gzip", text)},
		"in an odd spelling":          {"\"GZIP\";q=1", "application/json", encoded(t, "gzip", text)},
		"JSON, with nonsense said":    {"none", "application/json", text},
		"gzip with zeros behind it": {"gzip", "application/json",
			encoded(t, "gzip", text) + strings.Repeat("\x00", 5000)},
		"gzip in parts, with zeros": {"gzip", "application/json",
			encoded(t, "gzip", text[:3]) + "\x00" + encoded(t, "gzip", text[3:]) + "\x00\x00"},
		"gzip in parts": {"gzip", "application/json",
			encoded(t, "gzip", text[:3]) + encoded(t, "gzip", "") + encoded(t, "gzip", text[3:])},
		"a file in gzip, nothing said": {"", "application/gzip", encoded(t, "gzip", text)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c0, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				if c.says != "" {
					w.Header().Set("Content-Encoding", c.says)
				}
				_, _ = io.WriteString(w, c.body)
			})
			want := text
			if !strings.Contains(c.kind, "json") {
				want = c.body
			}
			resp, body, err := ask(t.Context(), transport(t, c0, p), "GET", s.URL, "")
			if err != nil || body != want || c.says != "" && c.says != "none" &&
				resp.Header.Get("Content-Encoding") != "" || resp.ContentLength != int64(len(want)) {
				t.Errorf("%q, %v, headers %v", body, err, resp)
			}
		})
	}
}

// A body that is none of what is known is called so, and asked for once more, not thirty times.
func TestUnknownEncodings(t *testing.T) {
	t.Parallel()
	for says, body := range map[string]string{
		"gzip": "\x00\x01" + random(50), "br": "\x00\x01" + random(50), "deflate": "\xff\x01" + random(50),
		"zstd": "\x00\x01" + random(50), "compress": "\x1f\x9d\x90" + random(50),
		"gzip, gzip, gzip, gzip": "text",
		"x-gzip":                 encoded(t, "gzip", strings.Repeat(random(900), 2))[:60] + random(99),
	} {
		requests := 0
		c, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.Header().Set("Content-Encoding", says)
			_, _ = io.WriteString(w, body)
		})
		p.Attempts = 3
		_, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "the body is not what Content-Encoding says") ||
			requests != 2 {
			t.Errorf("%s: %v after %d requests", says, err, requests)
		}
	}
}

// JSON in a character set that its reply declares becomes UTF-8; what the declaration cannot mean
// stays.
func TestCharsets(t *testing.T) {
	t.Parallel()
	const text = `{"name":"Žluťoučký kůň"}`
	in := func(e encoding.Encoding, text string) string {
		out, err := e.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	long := `{"a":"` + strings.Repeat("a", 5000) + `é"}`
	for name, c := range map[string]struct{ kind, body, want string }{
		"Latin 2": {"application/json; charset=ISO-8859-2", in(charmap.ISO8859_2, text), text},
		"Latin 1": {`application/json;charset="ISO-8859-1"`, in(charmap.ISO8859_1, `{"a":"é"}`),
			`{"a":"é"}`},
		"Latin 1, late":              {"application/vnd.x+json; charset=latin1", in(charmap.ISO8859_1, long), long},
		"UTF-8 called Latin 1":       {"application/json; charset=ISO-8859-1", text, text},
		"UTF-8 called Latin 1, late": {"application/json; charset=windows-1252", long, long},
		"Shift JIS": {"application/json; charset=Shift_JIS", in(japanese.ShiftJIS, `{"a":"日本"}`),
			`{"a":"日本"}`},
		"UTF-16 with mark": {"application/json; charset=utf-16",
			in(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM), text), text},
		"UTF-16 without mark": {"application/json; charset=utf-16le",
			in(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), text), text},
		"UTF-16 of the other order": {"application/json; charset=utf-16",
			in(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), text), text},
		"UTF-8 called UTF-16": {"application/json; charset=utf-16", text, text},
		"UTF-32 with mark": {"application/json; charset=utf-32",
			in(utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM), text), text},
		"UTF-32 without mark": {"application/json; charset=UTF-32LE",
			in(utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), text), text},
		"UTF-32 of the other order": {"application/json; charset=utf-32",
			in(utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), text), text},
		"UTF-32 of the other, mark": {"application/json; charset=utf-32be",
			in(utf32.UTF32(utf32.BigEndian, utf32.ExpectBOM), text), text},
		"UTF-8 called UTF-32":       {"application/json; charset=utf-32", text, text},
		"an unknown set":            {"application/json; charset=klingon", text, text},
		"text where JSON was asked": {"text/plain; charset=ISO-8859-2", in(charmap.ISO8859_2, text), text},
		"a page": {"text/html; charset=ISO-8859-2", in(charmap.ISO8859_2, text),
			in(charmap.ISO8859_2, text)},
	} {
		c0, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			_, _ = io.WriteString(w, c.body)
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/json")
		resp, err := transport(t, c0, p).RoundTrip(req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != c.want || resp.ContentLength != int64(len(c.want)) {
			t.Errorf("%s: %q, %v, length %d", name, body, err, resp.ContentLength)
		}
		if c.body != c.want && !strings.Contains(resp.Header.Get("Content-Type"), "charset=utf-8") {
			t.Errorf("%s: %s", name, resp.Header.Get("Content-Type"))
		}
	}
}

func TestNotAnEncoding(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "UTF-8")
		io.WriteString(w, "text")
	})
	if _, body, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); err != nil || body != "text" {
		t.Errorf("%q %v", body, err)
	}
}

func TestBombs(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 64<<20)
	for _, name := range []string{"gzip", "zstd", "br"} {
		bomb := encoded(t, name, zeros)
		requests := 0
		c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			w.Header().Set("Content-Encoding", name)
			io.WriteString(w, bomb)
		})
		_, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "200 times") || requests != 1 {
			t.Errorf("%s: %v after %d requests", name, err, requests)
		}
		left(t, p.SpoolDir)
	}
}

// TestRepetitionIsNoBomb: a log of one line again and again shrinks to a thousandth of its size. It
// is taken where it is no longer than 1 MiB, or where the pipeline file says that such things are.
func TestRepetitionIsNoBomb(t *testing.T) {
	t.Parallel()
	const line = "\\tat org.example.Coordinator.poll(Coordinator.java:531)\\n"
	log := strings.Repeat(line, 3<<20/len(line))
	for _, name := range []string{"gzip", "zstd", "br"} {
		small := encoded(t, name, log)
		ratio := int64(len(log) / len(small))
		if ratio <= httppolicy.DefaultMaxRatio {
			t.Fatalf("%s: %d bytes of %d: no test of the ratio", name, len(small), len(log))
		}
		c, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", name)
			io.WriteString(w, small)
		})
		if _, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); !sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), "http.max_ratio") {
			t.Errorf("%s: %v", name, err)
		}
		for _, p.MaxRatio = range []int64{4 * ratio, -1} {
			if _, body, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); err != nil || body != log {
				t.Errorf("%s, ratio %d: %d bytes, %v", name, p.MaxRatio, len(body), err)
			}
		}
		log, small = log[:1<<20], encoded(t, name, log[:1<<20])
		p.MaxRatio = 0
		if _, body, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); err != nil || body != log {
			t.Errorf("%s, 1 MiB: %d bytes, %v", name, len(body), err)
		}
		log = strings.Repeat(line, 3<<20/len(line))
	}
}

func TestMaxBody(t *testing.T) {
	t.Parallel()
	for _, announced := range []bool{true, false} {
		c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if !announced {
				w.WriteHeader(200)
				http.NewResponseController(w).Flush()
			}
			io.WriteString(w, strings.Repeat("x", 3000))
		})
		p.MaxBody = 2999
		if _, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); !sdk.IsPermanent(err) ||
			!strings.Contains(err.Error(), "max_body") {
			t.Errorf("announced %v: %v", announced, err)
		}
		p.MaxBody = 3000
		if _, body, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, ""); err != nil || len(body) != 3000 {
			t.Errorf("announced %v: %d bytes, %v", announced, len(body), err)
		}
	}
}

// TestBodySizes reads bodies on both sides of every limit, by Read and by WriteTo.
func TestBodySizes(t *testing.T) {
	t.Parallel()
	const firstPiece, nextPiece, memoryBody = 16 << 10, 128 << 10, 8 << 20 // as in package body
	whole := random(20 << 20)
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscan(r.URL.Query().Get("n"), &n)
		io.WriteString(w, whole[:n])
	})
	rt := transport(t, c, p)
	for _, n := range []int{0, 1, firstPiece - 1, firstPiece, firstPiece + 1, firstPiece + nextPiece,
		firstPiece + 2*nextPiece + 5, memoryBody - 1, memoryBody, memoryBody + 1, 9 << 20, 20 << 20} {
		url := fmt.Sprintf("%s/?n=%d", s.URL, n)
		_, body, err := ask(t.Context(), rt, "GET", url, "")
		if err != nil || sha256.Sum256([]byte(body)) != sha256.Sum256([]byte(whole[:n])) {
			t.Errorf("%d bytes by Read: %d, %v", n, len(body), err)
		}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		head := make([]byte, min(n, 7))
		if _, err := io.ReadFull(resp.Body, head); err != nil {
			t.Error(err)
		}
		m, err := resp.Body.(io.WriterTo).WriteTo(&b)
		if err != nil || string(head)+b.String() != whole[:n] || m != int64(n-len(head)) {
			t.Errorf("%d bytes by WriteTo: %d, %v", n, m, err)
		}
		resp.Body.Close()
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("read after close: %v", err)
		}
	}
	left(t, p.SpoolDir)
}

// left fails if a folder is not empty.
func left(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestSpoolClosedUnread(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, random(9<<20)) })
	req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
	resp, err := transport(t, c, p).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	left(t, p.SpoolDir)
}

// TestSpoolHasARoom: bodies that a plugin asks for and does not read take up no more than the run
// may.
func TestSpoolHasARoom(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, random(9<<20)) })
	p.SpoolRoom = disk.NewRoom(20 << 20)
	rt := transport(t, c, p)
	get := func() (*http.Response, error) {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		return rt.RoundTrip(req)
	}
	var held []*http.Response
	for range 2 {
		resp, err := get()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, resp)
	}
	if _, err := get(); err == nil || !strings.Contains(err.Error(), "pipeline.max_spool") {
		t.Errorf("a third: %v", err)
	}
	for _, resp := range held {
		resp.Body.Close()
	}
	resp, err := get()
	if err != nil {
		t.Fatalf("once they are read: %v", err)
	}
	resp.Body.Close()
	left(t, p.SpoolDir)
	if err := p.SpoolRoom.Take(20 << 20); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestSpoolFolderMissing(t *testing.T) {
	t.Parallel()
	requests := 0
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) { requests++; io.WriteString(w, random(9<<20)) })
	p.SpoolDir += "/missing"
	_, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
	if err == nil || sdk.IsPermanent(err) || !strings.Contains(err.Error(), "on disk") || requests != 1 {
		t.Errorf("%v after %d", err, requests)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", "4711")
	})
	resp, body, err := ask(t.Context(), transport(t, c, p), "HEAD", s.URL, "")
	if err != nil || body != "" || resp.Header.Get("Content-Length") != "4711" {
		t.Errorf("%v %q %v", resp, body, err)
	}
}

// TestConnectionsAreReused: a body of any encoding leaves its connection good for the next request.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[1:]
		w.Header().Set("Content-Encoding", name)
		io.WriteString(w, encoded(t, name, strings.Repeat("x", 5000)))
		if r.URL.Query().Has("flush") {
			http.NewResponseController(w).Flush()
		}
	})
	rt := transport(t, c, p)
	for range 10 {
		for _, name := range []string{"gzip", "zstd", "br", "gzip?flush", "zstd?flush", "br?flush"} {
			if _, _, err := ask(t.Context(), rt, "GET", s.URL+"/"+name, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if st := only(t, c); st.Connections != 1 || st.Reused != 59 {
		t.Errorf("%d connections, %d reused", st.Connections, st.Reused)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"gzip", "zstd", "br", "deflate"} {
		f.Add(name, []byte(encoded(f, name, "some text")))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		resp := &http.Response{StatusCode: 200, ContentLength: -1,
			Header: http.Header{"Content-Encoding": {name}, "Content-Type": {"application/json; charset=ISO-8859-1"}},
			Body:   io.NopCloser(bytes.NewReader(data))}
		whole := body.Whole(httppolicy.Policy{MaxBody: 1 << 20, SpoolDir: os.TempDir()}, body.NewPool())
		req := httptest.NewRequest("GET", "/", nil)
		resp, err := whole(trip.Func(func(*http.Request) (*http.Response, error) { return resp, nil })).RoundTrip(req)
		if err != nil {
			return
		}
		b := resp.Body
		defer b.Close()
		if got, err := io.ReadAll(b); err != nil || int64(len(got)) != resp.ContentLength || len(got) > 1<<20 {
			t.Errorf("%d bytes of %d: %v", len(got), resp.ContentLength, err)
		}
	})
}
