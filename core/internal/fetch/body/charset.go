// charset converts JSON in another declared character set to UTF-8, so that plugins need not.

package body

import (
	"bufio"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// jsonText reports whether resp is JSON, by its type or because JSON was requested and text came,
// and returns its declared character set ("": none). A body that is kept as a file does not count.
func jsonText(req *http.Request, resp *http.Response) (isJSON bool, set string) {
	if IsForFile(req) {
		return false, ""
	}
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil && kind == "" {
		return false, ""
	}
	switch {
	case strings.HasSuffix(kind, "/json"), strings.HasSuffix(kind, "+json"), strings.HasSuffix(kind, "/x-json"):
	case strings.HasSuffix(kind, "/javascript"), kind == "text/plain":
		if !strings.Contains(req.Header.Get("Accept"), "json") {
			return false, ""
		}
	default:
		return false, ""
	}
	return true, strings.ToLower(params["charset"])
}

// utf8Text decodes text in a declared character set. It returns false for unknown sets, which are
// left to the plugin.
func utf8Text(r io.Reader, set string) (io.Reader, bool) {
	switch set {
	case "", "utf-8", "utf8":
		return r, false
	case "utf-32", "utf-32be", "utf-32le", "utf32":
		return thirtyTwo(bufio.NewReaderSize(r, headBytes))
	}
	e, err := htmlindex.Get(set)
	if err != nil {
		return r, false
	}
	name, _ := htmlindex.Name(e) // it always has one
	body := bufio.NewReaderSize(r, headBytes)
	switch {
	case e == charmap.Windows1252:
		return &latin{r: body}, true
	case strings.HasPrefix(name, "utf-16"):
		return sixteen(body)
	}
	return e.NewDecoder().Reader(body), true
}

// sixteen decodes UTF-16, recognised by its byte order mark or zero bytes, because JSON begins with
// an ASCII character.
func sixteen(body *bufio.Reader) (io.Reader, bool) {
	head, _ := body.Peek(2) // the next read returns the error again
	if len(head) < 2 {
		return body, false
	}
	var e encoding.Encoding
	switch {
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0:
		e = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case head[0] == 0xff && head[1] == 0xfe, head[1] == 0:
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	default:
		return body, false
	}
	return e.NewDecoder().Reader(body), true
}

// thirtyTwo does the same for UTF-32.
func thirtyTwo(body *bufio.Reader) (io.Reader, bool) {
	head, _ := body.Peek(4)
	if len(head) < 4 {
		return body, false
	}
	var e encoding.Encoding
	switch {
	case head[0] == 0 && head[1] == 0 && (head[2] == 0 || head[2] == 0xfe && head[3] == 0xff):
		e = utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case head[2] == 0 && head[3] == 0 && (head[1] == 0 || head[0] == 0xff && head[1] == 0xfe):
		e = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	default:
		return body, false
	}
	return e.NewDecoder().Reader(body), true
}

// latin decodes text declared as ISO 8859-1 or similar, which many frameworks declare wrongly: if
// its first non-ASCII characters are UTF-8, the text is treated as UTF-8.
type latin struct {
	r    *bufio.Reader
	text io.Reader // decided
}

func (l *latin) Read(p []byte) (int, error) {
	if l.text != nil {
		return l.text.Read(p)
	}
	if len(p) == 0 {
		return 0, nil
	}
	head, err := l.r.Peek(utf8.UTFMax)
	if len(head) == 0 {
		return 0, err
	}
	if l.r.Buffered() > len(head) {
		head, _ = l.r.Peek(l.r.Buffered()) // they are buffered
	}
	n := 0
	for n < len(head) && n < len(p) && head[n] < utf8.RuneSelf {
		n++
	}
	if n == 0 {
		l.text = l.r
		if r, n := utf8.DecodeRune(head); r == utf8.RuneError && n == 1 {
			l.text = charmap.Windows1252.NewDecoder().Reader(l.r)
		}
		return l.text.Read(p)
	}
	return l.r.Read(p[:n])
}
