package install_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
)

// hostile are archives that nobody should unpack.
func hostile(program string) map[string][]byte {
	plain := tar.Header{Name: "hello", Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(program))}
	with := func(change func(*tar.Header)) tar.Header {
		h := plain
		change(&h)
		return h
	}
	return map[string][]byte{
		"a path that leads out": pack(program, with(func(h *tar.Header) { h.Name = "../../evil" })),
		"an absolute path":      pack(program, with(func(h *tar.Header) { h.Name = "/tmp/evil" })),
		"a folder":              pack(program, with(func(h *tar.Header) { h.Name = "evil/hello" })),
		"a path of Windows":     pack(program, with(func(h *tar.Header) { h.Name = `..\evil.exe` })),
		"a link": pack(program,
			with(func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "/etc/passwd", 0 })),
		"a link, then through it": pack(program,
			with(func(h *tar.Header) {
				h.Name, h.Typeflag, h.Linkname, h.Size = "README", tar.TypeSymlink, "../evil",
					0
			}), plain),
		"a hard link": pack(program,
			with(func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = tar.TypeLink, "/etc/passwd", 0 })),
		"a device":            pack(program, with(func(h *tar.Header) { h.Typeflag, h.Size = tar.TypeChar, 0 })),
		"setuid":              pack(program, with(func(h *tar.Header) { h.Mode = 0o4755 })),
		"two programs":        pack(program, plain, with(func(h *tar.Header) { h.Name = "evil" })),
		"the same name twice": pack(program, plain, plain),
		"no program":          pack(program, with(func(h *tar.Header) { h.Name = "README" })),
		"another program": pack("#!/bin/evil",
			with(func(h *tar.Header) { h.Size = int64(len("#!/bin/evil")) })),
		"not an archive":             []byte("evil"),
		"a bomb of zeros":            bomb(plain),
		"more than it says it is":    pack(program, with(func(h *tar.Header) { h.Size = 600 << 20 })),
		"an archive that breaks off": pack(program, plain)[:40],
	}
}

func pack(program string, headers ...tar.Header) []byte {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	t := tar.NewWriter(zipped)
	for _, h := range headers {
		if t.WriteHeader(&h) != nil {
			panic("header")
		}
		if h.Size > 0 {
			if _, err := io.WriteString(t, program); err != nil && h.Size == int64(len(program)) {
				panic(err)
			}
		}
	}
	_ = t.Close() // an entry that is not whole is the point
	if err := zipped.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// bomb unpacks to more than is taken.
func bomb(h tar.Header) []byte {
	var out bytes.Buffer
	zipped, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	t := tar.NewWriter(zipped)
	h.Size = 513 << 20
	if err := t.WriteHeader(&h); err != nil {
		panic(err)
	}
	zeros := make([]byte, 1<<20)
	for range 8 { // it is refused by what it says of itself
		if _, err := t.Write(zeros); err != nil {
			panic(err)
		}
	}
	if err := zipped.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
