// Package filesinktest reads what sinks of files have written, for their tests.
package filesinktest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Text returns what is in a file, without compression. A frame that is not whole fails the test;
// with torn it ends the file, as for a reader who looks while it is written.
func Text(t *testing.T, path string, torn bool) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(raw)
	if len(raw) > 0 {
		switch filepath.Ext(path) {
		case ".gz":
			r, err = gzip.NewReader(r)
		case ".zst":
			r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil && !(torn && errors.Is(err, io.ErrUnexpectedEOF)) {
		t.Fatalf("%s: %v", path, err)
	}
	return string(text)
}

// Lines returns the lines of [Text].
func Lines(t *testing.T, path string, torn bool) []string {
	t.Helper()
	text := Text(t, path, torn)
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// StreamLines returns the lines of all files of a stream below dir.
func StreamLines(t *testing.T, dir, stream string) []string {
	t.Helper()
	var out []string
	for _, path := range StreamFiles(t, dir, stream) {
		out = append(out, Lines(t, path, false)...)
	}
	return out
}

// StreamFiles returns the files of a stream below dir, by the rule stream.ext or stream-00001.ext.
func StreamFiles(t *testing.T, dir, stream string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _, _ := strings.Cut(d.Name(), ".")
		if name == stream || strings.HasPrefix(name, stream+"-0") {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
