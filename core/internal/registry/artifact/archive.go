// Archives: a plugin's program with its licence for one platform.

package artifact

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	fastgzip "github.com/klauspost/compress/gzip"
)

// File is a file of an archive.
type File struct {
	Name    string
	Size    int64
	Content io.Reader
}

var (
	beside  = regexp.MustCompile(`^(LICENSE|LICENCE|NOTICE|README|CHANGELOG)(\.(md|txt))?$`)
	program = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)
)

// IsBeside reports whether a file may accompany a program: licence, notice, readme, changelog.
func IsBeside(name string) bool { return beside.MatchString(name) }

// packLevel compresses to within 3 % of the smallest size, in a fourteenth of the time.
const packLevel = 5

// WriteArchive packs a program and accompanying files. The output is deterministic.
func WriteArchive(w io.Writer, program File, others []File) error {
	zipped, err := fastgzip.NewWriterLevel(w, packLevel)
	if err != nil {
		return err
	}
	t := tar.NewWriter(zipped)
	for i, f := range append([]File{program}, others...) {
		mode := int64(0o644)
		if i == 0 {
			mode = 0o755
		} else if !IsBeside(f.Name) {
			return fmt.Errorf("%s: beside the program an archive holds LICENSE, NOTICE, README and CHANGELOG alone",
				f.Name)
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: mode, ModTime: time.Unix(0, 0),
			Format: tar.FormatUSTAR}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(t, f.Content); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return errors.Join(t.Close(), zipped.Close())
}

// ReadArchive reads an archive to its end and calls take for each file, with program true for the
// plugin. An archive must hold exactly one program and accompanying texts, as plain files of its
// top folder, at most MaxUnpacked bytes in total; anything else is an error. take chooses the name
// of the file that it writes, never the archive.
func ReadArchive(r io.Reader, take func(f File, program bool) error) error {
	return readArchive(r, MaxUnpacked, take)
}

func readArchive(r io.Reader, most int64, take func(f File, program bool) error) error {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("the archive is not gzip: %w", err)
	}
	plain := Bounded(zipped, most+maxTar)
	if err := readTar(tar.NewReader(plain), most, take); err != nil {
		return err
	}
	// Read to the end as well, because a verifying reader reports success only there.
	for _, rest := range []io.Reader{plain, r} {
		if _, err := io.Copy(io.Discard, rest); err != nil {
			return fmt.Errorf("the archive: %w", err)
		}
	}
	return nil
}

// maxTar bounds the bytes of headers and padding.
const maxTar = 1 << 20

func readTar(t *tar.Reader, most int64, take func(f File, program bool) error) error {
	entries := entries{left: most, seen: map[string]bool{}}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("the archive: %w", err)
		}
		if err := entries.check(h); err != nil {
			return fmt.Errorf("the archive: %w", err)
		}
		if err := take(File{h.Name, h.Size, t}, !IsBeside(h.Name)); err != nil {
			return err
		}
	}
	if entries.program == "" {
		return errors.New("the archive holds no program")
	}
	return nil
}

// entries are the files read so far.
type entries struct {
	seen    map[string]bool
	program string
	left    int64 // bytes that may follow
}

// check refuses everything except plain files of the top folder.
func (e *entries) check(h *tar.Header) error {
	name := strings.TrimPrefix(h.Name, "./")
	h.Name = name
	switch {
	case h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink:
		return fmt.Errorf("%.100q is a link, to %.100q", name, h.Linkname)
	case h.Typeflag != tar.TypeReg || isSparse(h):
		return fmt.Errorf("%.100q is not a regular file", name)
	case name != path.Base(name) || !program.MatchString(name):
		return fmt.Errorf("%.100q is not a file name in the top folder", name)
	case h.Mode&^0o777 != 0:
		return fmt.Errorf("%q has the mode %o: setuid and its like are refused", name, h.Mode)
	case h.Size < 0 || h.Size > e.left:
		return fmt.Errorf("%q: %w: %d bytes, and %d are left of what is taken", name, ErrTooLong, h.Size, e.left)
	case e.seen[strings.ToLower(name)]:
		return fmt.Errorf("%q is there twice", name)
	case !IsBeside(name) && e.program != "":
		return fmt.Errorf("%q is a second program beside %q", name, e.program)
	}
	if !IsBeside(name) {
		e.program = name
	}
	e.seen[strings.ToLower(name)] = true
	e.left -= h.Size
	return nil
}

// isSparse reports whether a file is longer than its data in the archive.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse") {
			return true
		}
	}
	return false
}
