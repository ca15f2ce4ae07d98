// Compression between records and the disk.

package filesink

import (
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

type format string

const (
	plain   format = "none"
	gzipped format = "gzip"
	zstded  format = "zstd"
)

func formatOf(setting, path string) (format, error) {
	switch setting {
	case "", "auto":
		switch {
		case strings.HasSuffix(path, ".gz"):
			return gzipped, nil
		case strings.HasSuffix(path, ".zst"), strings.HasSuffix(path, ".zstd"):
			return zstded, nil
		}
		return plain, nil
	case string(plain), string(gzipped), string(zstded):
		return format(setting), nil
	}
	return "", fmt.Errorf("compression %q: it is auto, none, gzip or zstd", setting)
}

// encoder writes compressed frames: Reset begins one, Close ends it.
type encoder interface {
	io.Writer
	Reset(w io.Writer)
	Close() error
}

// window is the window size of zstd in bytes. Its default, 8 MiB, would cost 20 MiB of memory for
// each file.
const window = 2 << 20

// encoder returns nil for uncompressed files.
func (f format) encoder() (encoder, error) {
	switch f {
	case gzipped:
		return gzip.NewWriter(nil), nil
	case zstded:
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
			zstd.WithLowerEncoderMem(true))
	}
	return nil, nil
}

// decoder reads what an encoder has written. Its Close closes in.
func (f format) decoder(in io.ReadCloser) (io.ReadCloser, error) {
	switch f {
	case gzipped:
		d, err := gzip.NewReader(in)
		return decoded{d, func() {}, in}, err
	case zstded:
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return decoded{d, d.Close, in}, nil
	}
	return in, nil
}

type decoded struct {
	io.Reader
	end func()
	in  io.Closer
}

func (d decoded) Close() error {
	d.end()
	return d.in.Close()
}

// maxOpen is how many files may be open at the same time. An encoder takes some megabytes; an
// uncompressed file takes almost nothing.
func (f format) maxOpen() int {
	if f == plain {
		return 128
	}
	return 32
}
