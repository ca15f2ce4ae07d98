// Attacks by archive.

package artifact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// entry is one of a made-up archive; zeros says how much comes in place of content.
type entry struct {
	tar.Header
	content string
	zeros   int64
}

// tarball writes what an honest packer would not.
func tarball(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		h := e.Header
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(e.content)) + e.zeros
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.Copy(w, io.MultiReader(strings.NewReader(e.content),
				io.LimitReader(zeros{}, e.zeros))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func file(name, content string) entry {
	return entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: name}, content: content}
}

func special(kind byte, name, to string) entry {
	return entry{Header: tar.Header{Typeflag: kind, Name: name, Linkname: to}}
}

func TestArchivesThatAreRefused(t *testing.T) {
	t.Parallel()
	honest := tarball(t, file("hello", program), file("LICENSE", "MIT"))
	damaged := bytes.Clone(honest)
	damaged[len(damaged)-6] ^= 1 // in the checksum of gzip
	setuid := file("hello", program)
	setuid.Mode = 0o4755
	for title, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"no gzip":        {[]byte("PK\x03\x04"), "not gzip"},
		"no tar":         {tarballOf(t, []byte("hello, world")), "the archive"},
		"empty":          {tarball(t), "no program"},
		"only a licence": {tarball(t, file("LICENSE", "MIT")), "no program"},
		"two programs": {tarball(t, file("hello", program), file("world", program)),
			`"world" is a second program`},
		"a name twice": {tarball(t, file("LICENSE", "MIT"), file("LICENSE", "GPL"), file("hello", program)),
			"twice"},
		"the program twice":   {tarball(t, file("hello", program), file("hello", "other")), "twice"},
		"twice but for case":  {tarball(t, file("hello", program), file("HELLO", "other")), "twice"},
		"up":                  {tarball(t, file("../hello", program)), "not a file name in the top folder"},
		"up and down":         {tarball(t, file("x/../../hello", program)), "not a file name"},
		"absolute":            {tarball(t, file("/etc/cron.d/hello", program)), "not a file name"},
		"a folder before":     {tarball(t, file("bin/hello", program)), "not a file name"},
		"a backslash":         {tarball(t, file(`..\hello`, program)), "not a file name"},
		"a drive":             {tarball(t, file(`c:hello`, program)), "not a file name"},
		"a hidden file":       {tarball(t, file(".bashrc", program)), "not a file name"},
		"a stream of Windows": {tarball(t, file("hello:x", program)), "not a file name"},
		"control characters":  {tarball(t, file("he\nllo", program)), "not a file name"},
		"a folder":            {tarball(t, special(tar.TypeDir, "bin", "")), "not a regular file"},
		"a symlink": {tarball(t, special(tar.TypeSymlink, "LICENSE", "/etc/passwd"),
			file("hello", program)), `"LICENSE" is a link, to "/etc/passwd"`},
		"a symlink as program": {tarball(t, special(tar.TypeSymlink, "hello", "/bin/sh")), "is a link"},
		"a hard link": {tarball(t, file("hello", program), special(tar.TypeLink, "LICENSE", "hello")),
			"is a link"},
		"a character device":    {tarball(t, special(tar.TypeChar, "hello", "")), "not a regular file"},
		"a block device":        {tarball(t, special(tar.TypeBlock, "hello", "")), "not a regular file"},
		"a pipe":                {tarball(t, special(tar.TypeFifo, "hello", "")), "not a regular file"},
		"setuid":                {tarball(t, setuid), "setuid"},
		"a sparse file":         {sparse(t), "not a regular file"},
		"cut off":               {honest[:len(honest)-20], "the archive"},
		"damaged":               {damaged, "the archive"},
		"garbage after the end": {append(bytes.Clone(honest), "garbage"...), "the archive"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target := artifact.Target{Binary: digest.FromString(program)}
			err := artifact.Unpack(bytes.NewReader(c.raw), "linux_amd64", target, dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			checkContained(t, dir)
		})
	}
}

// sparse is a file that is a MiB long, of which nothing stands in the archive. The packer refuses
// to write one, so its records get their right names afterwards.
func sparse(t *testing.T) []byte {
	t.Helper()
	e := file("hello", "0\n"+strings.Repeat("\x00", 510))
	e.Format, e.PAXRecords = tar.FormatPAX, map[string]string{"GNU_sparse.major": "1", "GNU_sparse.minor": "0",
		"GNU_sparse.realsize": "1048576"}
	zipped, err := gzip.NewReader(bytes.NewReader(tarball(t, e)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.ReplaceAll(raw, []byte("GNU_sparse"), []byte("GNU.sparse"))
	if h, err := tar.NewReader(bytes.NewReader(raw)).Next(); err != nil || h.Size != 1<<20 {
		t.Fatalf("the archive is not what it should be: %+v (%v)", h, err)
	}
	return tarballOf(t, raw)
}

// checkContained checks that nothing but plain files of known names came to be, and nothing beside
// the folder.
func checkContained(t *testing.T, dir string) {
	t.Helper()
	beside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range beside {
		if !f.IsDir() {
			t.Errorf("beside the folder: %s", f.Name())
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() || f.Name() != "plugin" && !artifact.IsBeside(f.Name()) {
			t.Errorf("unpacked: %s", f)
		}
	}
}

// tarballOf is gzip over something.
func tarballOf(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(raw)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestArchiveBombs reads what is small and grows: it is refused by what its header says, and by
// what comes.
func TestArchiveBombs(t *testing.T) {
	t.Parallel()
	ignore := func(f artifact.File, _ bool) error { _, err := io.Copy(io.Discard, f.Content); return err }
	says := huge(t, "hello", artifact.MaxUnpacked+1) // a header alone
	if err := artifact.ReadArchive(bytes.NewReader(tarballOf(t, says)), ignore); !errors.Is(err, artifact.ErrTooLong) {
		t.Errorf("a file that says how long it is: %v", err)
	}
	const most = 1 << 20
	half := file("hello", "")
	half.zeros = most / 2
	more := file("README", "")
	more.zeros = most/2 + 1
	if err := artifact.ReadArchiveUpTo(bytes.NewReader(tarball(t, half, more)), most, ignore); !errors.Is(err,
		artifact.ErrTooLong) {
		t.Errorf("files that are too long together: %v", err)
	}
	more.zeros--
	if err := artifact.ReadArchiveUpTo(bytes.NewReader(tarball(t, half, more)), most, ignore); err != nil {
		t.Errorf("files that are just short enough: %v", err)
	}
	// After its last file it goes on and on.
	member := tarballOf(t, make([]byte, most))
	endless := io.MultiReader(bytes.NewReader(tarball(t, half)), repeating(member))
	if err := artifact.ReadArchiveUpTo(endless, most, ignore); !errors.Is(err, artifact.ErrTooLong) {
		t.Errorf("an archive without an end: %v", err)
	}
}

// huge is the header of a file.
func huge(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o755,
		Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// repeating gives the same bytes for ever.
func repeating(raw []byte) io.Reader { return &repeated{raw: raw} }

type repeated struct{ raw, rest []byte }

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.rest = r.raw
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestWrongPlatform(t *testing.T) {
	t.Parallel()
	self, err := os.Executable() // it is for this platform, and no script
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := artifact.CheckBuilt(f, artifact.Here()); err != nil {
		t.Error(err)
	}
	other := artifact.Platform("linux_riscv64")
	if err := artifact.CheckBuilt(f, other); err == nil || !strings.Contains(err.Error(), "not for "+string(other)) {
		t.Errorf("a program of this platform for another: %v", err)
	}
	for platform, raw := range programs {
		r := strings.NewReader(raw)
		if built := artifact.Built(r); len(built) == 0 || built[0] != platform {
			t.Errorf("%s is said to be for %v", platform, built)
		}
		if err := artifact.CheckBuilt(r, "plan9_386"); err == nil {
			t.Errorf("%s was taken for plan9_386", platform)
		}
	}
	if err := artifact.CheckBuilt(strings.NewReader(program), "linux_amd64"); err != nil {
		t.Errorf("a script: %v", err)
	}
}

// programs are headers, of which the kinds differ in what they say of the system and of the bytes'
// order.
var programs = map[artifact.Platform]string{
	"linux_amd64":    elf64("\x01", "\x00", "\x3e\x00"),
	"linux_arm64":    elf64("\x01", "\x00", "\xb7\x00"),
	"freebsd_amd64":  elf64("\x01", "\x09", "\x3e\x00"),
	"linux_ppc64le":  elf64("\x01", "\x00", "\x15\x00"),
	"linux_mips64le": elf64("\x01", "\x00", "\x08\x00"),
	"windows_amd64": "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00" + "PE\x00\x00\x64\x86" +
		strings.Repeat("\x00", 200),
	"windows_arm64": "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00" + "PE\x00\x00\x64\xaa" +
		strings.Repeat("\x00", 200),
	"darwin_arm64": "\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + strings.Repeat("\x00", 64),
	"darwin_amd64": "\xcf\xfa\xed\xfe\x07\x00\x00\x01" + strings.Repeat("\x00", 64),
}

func elf64(order, system, machine string) string {
	return "\x7fELF\x02" + order + "\x01" + system + strings.Repeat("\x00", 8) + "\x02\x00" + machine +
		"\x01\x00\x00\x00" +
		strings.Repeat("\x00", 24) + "\x00\x00\x00\x00\x40\x00\x38\x00\x00\x00\x40\x00\x00\x00\x00\x00"
}
