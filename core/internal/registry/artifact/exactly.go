// Verifying readers: the data has the promised size and digest, or reading ends with an error.

package artifact

import (
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrTooLong says that the data exceeds its bound.
var ErrTooLong = errors.New("too long")

// Bounded returns a reader that fails with ErrTooLong if r has more than most bytes.
func Bounded(r io.Reader, most int64) io.Reader { return &bounded{r, most} }

// bounded fails, rather than ends, at its bound.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		var one [1]byte
		n, err := b.r.Read(one[:])
		if n > 0 {
			return 0, ErrTooLong
		}
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// ErrContent says that content does not match its descriptor.
var ErrContent = errors.New("the content is not what was published")

// Exactly returns a reader of the content of a descriptor. It returns io.EOF only if size and
// digest match, and otherwise ErrContent. Do not trust the data before that.
func Exactly(r io.ReadCloser, d ocispec.Descriptor) io.ReadCloser {
	return &exactly{Closer: r, r: Bounded(r, d.Size), want: d, sum: digest.SHA256.Digester()}
}

type exactly struct {
	io.Closer
	r    io.Reader
	want ocispec.Descriptor
	sum  digest.Digester
	n    int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.n += int64(n)
	e.sum.Hash().Write(p[:n]) // a hash returns no error
	switch {
	case errors.Is(err, ErrTooLong):
		return n, fmt.Errorf("%w: more than its %d bytes came", ErrContent, e.want.Size)
	case !errors.Is(err, io.EOF):
		return n, err
	case e.n != e.want.Size:
		return n, fmt.Errorf("%w: %d of its %d bytes came", ErrContent, e.n, e.want.Size)
	case e.sum.Digest() != e.want.Digest:
		return n, fmt.Errorf("%w: its digest is %s, not %s", ErrContent, e.sum.Digest(), e.want.Digest)
	}
	return n, err
}
