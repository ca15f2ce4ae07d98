// Frames: the pieces of the file.

package recording

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

// magic is the first line of the file. Its number grows when older programs cannot read what is
// written.
const magic = "scrapekit recording 1\n"

type kind byte

const (
	sessionFrame  kind = 'S'
	exchangeFrame kind = 'X'
	bodyFrame     kind = 'B'
	endFrame      kind = 'E'
)

const (
	frameHead = 1 + 4 + 4
	piece     = 1 << 20 // of a body, before it is compressed
	maxFrame  = 8 << 20 // compressed or not
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errFrame = errors.New("a frame is broken or not whole")

// codec compresses and decompresses frames. It may be used by several goroutines at once.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return nil, err
	}
	return &codec{enc: enc, dec: dec}, nil
}

// frame returns a frame that holds raw.
func (c *codec) frame(k kind, raw []byte) []byte {
	out := make([]byte, frameHead, frameHead+len(raw)/3+64)
	out = c.enc.EncodeAll(raw, out)
	out[0] = byte(k)
	binary.LittleEndian.PutUint32(out[1:], uint32(len(out)-frameHead))
	binary.LittleEndian.PutUint32(out[5:], checksum(out[0], out[frameHead:]))
	return out
}

func checksum(k byte, packed []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte{k}, castagnoli), castagnoli, packed)
}

// next reads a frame without unpacking it. io.EOF: there is none; errFrame: it is not whole.
func next(r io.Reader) (k kind, packed []byte, err error) {
	var head [frameHead]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return 0, nil, io.EOF
		}
		return 0, nil, errFrame
	}
	size := binary.LittleEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, errFrame
	}
	packed = make([]byte, size)
	if _, err := io.ReadFull(r, packed); err != nil ||
		checksum(head[0], packed) != binary.LittleEndian.Uint32(head[5:]) {
		return 0, nil, errFrame
	}
	return kind(head[0]), packed, nil
}

func (c *codec) unpack(packed []byte) ([]byte, error) { return c.dec.DecodeAll(packed, nil) }
