// What goes into the files, and what happens when it does not.

package filesink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
)

func TestRecordsStayAsTheyAre(t *testing.T) {
	p := newPlace(t, Options{Path: "all.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	odd := []string{`{"b" : 1.50, "a":1e400}`, `{"t":"\u00e9é\ud83d\ude00 "}`}
	p.write("one", odd...)
	p.write("two", `{"x":2}`) // another stream of the same file
	p.commit()
	p.has("all.jsonl", odd[0]+"\n"+odd[1]+"\n"+`{"x":2}`+"\n")
}

func TestStreamNames(t *testing.T) {
	p := newPlace(t, Options{Path: "out/{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	names := []string{"../../up", "a/b", `a\b`, "a%2Fb", "c:d", ".", "..", "", "{run}", "новый", "x\x00y", "a-00001"}
	for _, n := range names {
		p.write(n, n)
	}
	p.commit()
	files, err := filepath.Glob(p.file("out/*.jsonl"))
	p.ok(err)
	if len(files) != len(names) {
		t.Errorf("%d files for %d streams: %q", len(files), len(names), files)
	}
	if around, err := os.ReadDir(p.dir); err != nil || len(around) != 1 {
		t.Errorf("a name leads out of the folder: %v %v", around, err)
	}
	err = p.sink.Write(t.Context(), batch("A-00001", "1"))
	if err == nil || !strings.Contains(err.Error(), "case") {
		t.Errorf("two streams that differ in case alone: %v", err)
	}
}

// TestFullDisk: after a write that broke off, nothing counts until the sink is opened again.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full here")
	}
	for _, ext := range []string{"", ".gz", ".zst"} {
		t.Run("jsonl"+ext, func(t *testing.T) {
			p := newPlace(t, Options{Path: "{stream}.jsonl" + ext})
			p.open(sdk.Start{Run: "r1"})
			p.write("a", "1")
			token := p.commit()
			full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
			p.ok(err)
			current := p.sink.byPath["a.jsonl"+ext].current
			p.ok(current.out.Close())
			current.out = full
			err = p.sink.Write(t.Context(), batch("a", "2")) // a compressed one waits for the commit
			if err == nil {
				_, err = p.sink.Commit(t.Context())
			}
			if !errors.Is(err, syscall.ENOSPC) || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "/dev/full") {
				t.Fatalf("got %v, want ENOSPC for good, and the file's name", err)
			}
			if err := p.sink.Write(t.Context(), batch("b", "2")); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a write after it: %v", err)
			}
			if _, err := p.sink.Commit(t.Context()); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a commit after it: %v", err)
			}
			p.open(sdk.Start{Run: "r1", Token: token, Resume: true})
			p.write("a", "3")
			p.commit()
			if got := filesinktest.Lines(t, p.file("a.jsonl"+ext), false); !reflect.DeepEqual(got, []string{"1", "3"}) {
				t.Errorf("after opening again: %q", got)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"": 0, "1": 1, "512MiB": 512 << 20, "1.5 GB": 1_500_000_000,
		"10k": 10 << 10, "2TiB": 2 << 40, "100b": 100} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "x", "MB", "1XB", "1e30GB", "NaN", "0.5", "Inf"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for series, want := range map[string]string{
		"a.jsonl": "a-00007.jsonl", "x/a.b.jsonl.zst": "x/a.b-00007.jsonl.zst", "a": "a-00007", "a.gz": "a-00007.gz",
		"d.d/a": "d.d/a-00007",
	} {
		if got := numbered(series, 7); got != want {
			t.Errorf("%s: %s, want %s", series, got, want)
		}
	}
	for path, want := range map[string]template{
		"a.jsonl":             {".", "a.jsonl"},
		"out/{stream}.jsonl":  {"out", "{stream}.jsonl"},
		"/out/x{date}/{run}":  {"/out", "x{date}/{run}"},
		"/{stream}":           {"/", "{stream}"},
		"../o/../x/{stream}":  {"../x", "{stream}"},
		"{stream}/{date}.gz":  {".", "{stream}/{date}.gz"},
		"out/all.jsonl":       {"out", "all.jsonl"},
		"./out//{stream}.zst": {"out", "{stream}.zst"},
	} {
		want.root = filepath.FromSlash(want.root)
		if got, err := parseTemplate(path); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", path, got, err, want)
		}
	}
}

func TestCheckLeavesNothing(t *testing.T) {
	p := newPlace(t, Options{Path: "new/folder/{stream}.jsonl"})
	sink, err := newSink(Options{Path: p.file("new/folder/{stream}.jsonl")})
	p.ok(err)
	p.ok(sink.Check(t.Context()))
	if left, err := os.ReadDir(p.dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	p.put("new", "a file")
	if err := sink.Check(t.Context()); err == nil || !sdk.IsPermanent(err) {
		t.Errorf("a file in place of the folder: %v", err)
	}
}

func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"v":1,"mark":"m","format":"none","files":[{"series":"a.jsonl","n":2,"size":10,"base":1,"new":true,"run":"r"}]}`))
	f.Add([]byte(`{"v":1,"mark":"m","format":"zstd","files":[{"series":"../x","size":1,"run":"r"}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		token, err := decodeToken(raw)
		if err != nil {
			return
		}
		for _, file := range token.Files {
			if !filepath.IsLocal(file.path()) || file.Size < file.Base || file.Base < 0 {
				t.Errorf("a token with %+v was taken", file)
			}
		}
		again, err := token.encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeToken(again); err != nil || !reflect.DeepEqual(back.Files, token.Files) &&
			len(token.Files) > 0 {
			t.Errorf("a token changes on its way: %+v, %+v (%v)", token, back, err)
		}
	})
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte("{\"mark\":\"m\"}\n{\"file\":{\"series\":\"a\",\"size\":0,\"base\":0,\"new\":true,\"run\":\"r\"}}\n" +
		"{\"handed\":true}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var j journal
		if err := j.parse(raw); err != nil {
			return
		}
		for _, b := range j.begun {
			if !filepath.IsLocal(b.path()) {
				t.Errorf("a journal with %+v was taken", b.file)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	record := `{"id":1234567,"key":"PROJECT-12345","summary":"` + strings.Repeat("some words of a summary ", 14) +
		`"}` + "\n"
	payload := bytes.Repeat([]byte(record), 256<<10/len(record))
	for _, ext := range []string{"", ".zst", ".gz"} {
		b.Run("jsonl"+ext, func(b *testing.B) {
			s, err := newSink(Options{Path: filepath.Join(b.TempDir(), "{stream}.jsonl"+ext)})
			if err == nil {
				err = s.Open(b.Context(), sdk.Start{Run: "r"})
			}
			b.SetBytes(int64(len(payload)))
			for i := 0; err == nil && i < b.N; i++ {
				err = s.Write(context.Background(), sdk.Batch{Stream: "a", Count: 1, Payload: payload})
				if err == nil && i%256 == 255 { // 64 MiB
					_, err = s.Commit(context.Background())
				}
			}
			if err = errors.Join(err, s.Close()); err != nil {
				b.Fatal(fmt.Errorf("%s: %w", b.Name(), err))
			}
		})
	}
}
