// Archives, checksums and signature.

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"aead.dev/minisign"
	"github.com/klauspost/compress/gzip"
)

// file is one file of an archive.
type file struct {
	name    string
	content []byte
	mode    fs.FileMode
}

// archive writes the archive of a platform: its files in one folder, in order, of the commit's
// time, and nobody's.
func (r *release) archive(p program, texts []file) error {
	raw, err := os.ReadFile(p.path)
	if err != nil {
		return err
	}
	files := slices.Concat([]file{{filepath.Base(p.path), raw, 0o755}}, texts, p.licences)
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		raw, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return err
		}
		files = append(files, file{name, raw, 0o644})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	for i := range files {
		files[i].name = r.name() + "/" + files[i].name
	}
	name := r.name() + "_" + strings.ReplaceAll(p.platform, "/", "_")
	var out bytes.Buffer
	if strings.HasPrefix(p.platform, "windows/") {
		name, err = name+".zip", r.zip(&out, files)
	} else {
		name, err = name+".tar.gz", r.tar(&out, files)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, name), out.Bytes(), 0o644)
}

func (r *release) tar(out *bytes.Buffer, files []file) error {
	packed := gzip.NewWriter(out)
	w := tar.NewWriter(packed)
	for _, f := range files {
		head := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode), Size: int64(len(f.content)),
			ModTime: r.date, Format: tar.FormatPAX}
		if err := w.WriteHeader(head); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), packed.Close())
}

func (r *release) zip(out *bytes.Buffer, files []file) error {
	w := zip.NewWriter(out)
	for _, f := range files {
		head := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.date}
		head.SetMode(f.mode)
		part, err := w.CreateHeader(head)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.content); err != nil {
			return err
		}
	}
	return w.Close()
}

const sumsFile = "SHA256SUMS"

// sums writes the checksums of all files, as sha256sum -c reads them, and signs them.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(r.dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(raw), e.Name())
	}
	path := filepath.Join(r.dir, sumsFile)
	if err := os.WriteFile(path, sums.Bytes(), 0o644); err != nil || r.key == "" {
		return err
	}
	signature, err := r.sign(sums.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w", r.key, err)
	}
	return os.WriteFile(path+".minisig", signature, 0o644)
}

func (r *release) sign(message []byte) ([]byte, error) {
	raw, err := os.ReadFile(r.key)
	if err != nil {
		return nil, err
	}
	var key minisign.PrivateKey
	if minisign.IsEncrypted(raw) {
		key, err = minisign.DecryptKey(os.Getenv("SCRAPEKIT_KEY_PASSWORD"), raw)
	} else {
		err = key.UnmarshalText(raw)
	}
	if err != nil {
		return nil, err
	}
	return minisign.SignWithComments(key, message, r.name(), "signature of the checksums of scrapekit"), nil
}

// same compares the checksums of two releases, line by line.
func same(want, got string) error {
	a, errA := os.ReadFile(want)
	b, errB := os.ReadFile(got)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	again := slices.Collect(strings.Lines(string(b)))
	for line := range strings.Lines(string(a)) {
		if !slices.Contains(again, line) {
			return fmt.Errorf("made again, this is not the same: %s", strings.TrimSpace(line))
		}
	}
	if len(a) != len(b) {
		return errors.New("made again, it has other files")
	}
	fmt.Println("made again, every byte is the same")
	return nil
}
