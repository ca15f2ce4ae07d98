// Whatever a file holds, it is read or refused.

package recording

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample is a recording with two exchanges, one of them of two pieces.
func sample(t testing.TB) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.rec")
	w, err := Create(file, nil, About{Pipeline: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"short", strings.Repeat("long ", piece/4)} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://h/?q="+body[:4], nil)
		if err != nil {
			t.Fatal(err)
		}
		resp := &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"a"`}}}
		if err := w.Add(Exchange{Time: time.Unix(1, 0)}, req, nil, resp, strings.NewReader(body), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func FuzzOpen(f *testing.F) {
	whole := sample(f)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(magic))
	f.Add([]byte("not a recording"))
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	for _, frames := range [][]string{
		{"S{}", `X{"size":-1}`}, {"S{}", `X{"size":5,"pieces":1}`, "E"}, {"S{}", "Bx"}, {`X{"url":"::"}`},
		{"S{}", `X{"size":9999999999,"pieces":9537}`, "Bx"},
	} {
		raw := []byte(magic)
		for _, text := range frames {
			raw = append(raw, c.frame(kind(text[0]), []byte(text[1:]))...)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "a.rec")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(file)
		if err != nil {
			return
		}
		defer r.Close()
		p := NewPlayer(r, nil)
		for _, e := range r.Exchanges {
			_, _ = io.Copy(io.Discard, r.Body(e)) // a body that is not as long as it says is an error, not a panic
			_ = p.miss(e.Request)
		}
	})
}
