// spool: the part of a group that exceeds its memory.

package pipeline

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// entry is a batch or a rejected record. The payload of the latter is the record.
type entry struct {
	sdk.Batch
	rejected bool
	reason   string
}

func (e entry) reject() sdk.Reject {
	return sdk.Reject{Stream: e.Stream, Record: e.Payload, Reason: e.reason}
}

// spool is a file of entries, whose fields have their lengths in front. Where the system allows it,
// the file has no name, so that a kill leaves nothing behind.
type spool struct {
	file *os.File
	buf  *bufio.Writer
	room *disk.Room
	size int64 // bytes reserved of room
}

const spoolBuffer = 256 << 10

func newSpool(dir string, room *disk.Room) (*spool, error) {
	f, err := os.CreateTemp(dir, "group-*")
	if err != nil {
		return nil, spoolError(err)
	}
	// Windows does not remove an open file; close removes it there.
	_ = os.Remove(f.Name())
	return &spool{file: f, buf: bufio.NewWriterSize(f, spoolBuffer), room: room}, nil
}

func spoolError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("spool of a large group: %w", err)
}

func (s *spool) write(e entry) error {
	kind := uint64(0)
	if e.rejected {
		kind = 1
	}
	var head []byte
	for _, n := range []uint64{kind, uint64(e.Op), uint64(e.Count)} {
		head = binary.AppendUvarint(head, n)
	}
	for _, text := range []string{e.Stream, e.reason} {
		head = binary.AppendUvarint(head, uint64(len(text)))
		head = append(head, text...)
	}
	head = binary.AppendUvarint(head, uint64(len(e.Payload)))
	if err := s.take(int64(len(head) + len(e.Payload))); err != nil {
		return err
	}
	if _, err := s.buf.Write(head); err != nil {
		return spoolError(err)
	}
	_, err := s.buf.Write(e.Payload)
	return spoolError(err)
}

// take reserves room for n bytes.
func (s *spool) take(n int64) error {
	err := s.room.Take(n)
	if err == nil {
		s.size += n
		return nil
	}
	if s.room.Mostly(s.size + n) {
		return sdk.Permanent(spoolError(err)) // the group itself is too large
	}
	return spoolError(err)
}

func (s *spool) each(yield func(entry, error) bool) {
	err := s.buf.Flush()
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		yield(entry{}, spoolError(err))
		return
	}
	r := bufio.NewReaderSize(s.file, spoolBuffer)
	for {
		e, err := readEntry(r)
		if errors.Is(err, io.EOF) {
			return
		}
		if !yield(e, spoolError(err)) || err != nil {
			return
		}
	}
}

// readEntry returns io.EOF only between entries.
func readEntry(r *bufio.Reader) (entry, error) {
	kind, err := binary.ReadUvarint(r)
	if err != nil {
		return entry{}, err
	}
	f := fields{r: r}
	e := entry{rejected: kind == 1}
	e.Op, e.Count = sdk.Op(f.number()), int(f.number())
	e.Stream, e.reason = string(f.bytes()), string(f.bytes())
	e.Payload = f.bytes()
	if errors.Is(f.err, io.EOF) {
		f.err = io.ErrUnexpectedEOF
	}
	return e, f.err
}

// fields reads the fields of an entry and keeps the first error.
type fields struct {
	r   *bufio.Reader
	err error
}

func (f *fields) number() uint64 {
	if f.err != nil {
		return 0
	}
	var n uint64
	n, f.err = binary.ReadUvarint(f.r)
	return n
}

func (f *fields) bytes() []byte {
	n := f.number()
	if f.err != nil {
		return nil
	}
	b := make([]byte, n)
	_, f.err = io.ReadFull(f.r, b)
	return b
}

func (s *spool) close() error {
	s.room.Give(s.size)
	err := s.file.Close()
	if rm := os.Remove(s.file.Name()); rm != nil && !os.IsNotExist(rm) && err == nil {
		err = rm
	}
	return spoolError(err)
}
