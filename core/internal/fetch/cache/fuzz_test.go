package cache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// entryOf makes the bytes of an entry.
func entryOf(body, head []byte) []byte {
	sum := crc32.New(castagnoli)
	_, _ = sum.Write(body) // it cannot fail
	_, _ = sum.Write(head)
	out := bytes.NewBuffer(append(bytes.Clone(body), head...))
	if err := binary.Write(out, binary.LittleEndian,
		footer{uint64(len(body)), uint32(len(head)), sum.Sum32(), mark}); err != nil {
		panic(err) // a footer has a fixed size
	}
	return out.Bytes()
}

// FuzzEntry: an entry is what was kept, or it is refused.
func FuzzEntry(f *testing.F) {
	head := []byte(`{"url":"u","status":200,"header":{"Etag":["x"]}}`)
	whole := entryOf([]byte("body"), head)
	f.Add(whole, []byte("body"), head)
	f.Add(whole[:len(whole)-1], []byte(nil), []byte("{}"))
	f.Add([]byte("short"), []byte("x"), []byte(`{"status":-1,"header":null}`))
	f.Fuzz(func(t *testing.T, raw, body, head []byte) {
		path := filepath.Join(t.TempDir(), "entry")
		for _, content := range [][]byte{raw, entryOf(body, head)} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			e, err := openEntry(path)
			if err != nil {
				continue
			}
			got, err := io.ReadAll(e.body())
			if err != nil || int64(len(got)) != e.size || !bytes.HasPrefix(content, got) {
				t.Errorf("a body of %d bytes, stated as %d: %v", len(got), e.size, err)
			}
			_ = e.head.lifetime()
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		if e, err := openEntry(path); err == nil {
			if got, _ := io.ReadAll(e.body()); !bytes.Equal(got, body) {
				t.Errorf("kept %q, read %q", body, got)
			}
			_ = e.Close()
		} else if json.Valid(head) && json.Unmarshal(head, new(struct{ Status int })) == nil &&
			bytes.Equal(head, []byte("{}")) {
			t.Errorf("what was kept is refused: %v", err)
		}
	})
}

// FuzzFreshness: whatever a server says of how long a reply is good, times stay times.
func FuzzFreshness(f *testing.F) {
	f.Add("max-age=60, must-revalidate", "Fri, 05 Jun 2026 06:00:00 GMT", "12", "Fri, 05 Jun 2026 05:00:00 GMT",
		"max-stale=5")
	f.Add(`private="a,b", MAX-AGE="99999999999999999999",s-maxage=-1`, "0", "-5", "", "min-fresh=1e9, only-if-cached")
	f.Add("no-cache, max-age=1, max-age=2,,=", "\x00", "x", "Fri", `"`)
	f.Fuzz(func(t *testing.T, control, expires, age, modified, asked string) {
		now := time.Date(2026, 6, 5, 6, 0, 0, 0, time.UTC)
		h := head{Status: 200, Asked: now, Got: now, Header: http.Header{
			"Cache-Control": {control}, "Expires": {expires}, "Age": {age}, "Last-Modified": {modified},
			"Date": {now.Format(http.TimeFormat)},
		}}
		req := directivesOf(http.Header{"Cache-Control": {asked}})
		if d := h.age(now); d < 0 || d > 2*longest {
			t.Errorf("age %s", d)
		}
		if d := h.lifetime(); d > 2*longest {
			t.Errorf("good for %s", d)
		}
		if d := directivesOf(h.Header); d.has("no-cache") && h.usable(req, now) {
			t.Errorf("%q is used without asking", control)
		}
		_ = h.usableOnError(req, time.Minute, now)
	})
}
