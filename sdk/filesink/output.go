// An output file while it is open.

package filesink

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// output is an open file. After settle, what was written is durable and the size is known.
type output struct {
	file    *file
	out     *os.File
	buf     *bufio.Writer // nil for uncompressed files: batches are large enough
	encoder encoder
	inFrame bool
	dirty   bool
	used    int64 // time of the last use: the least recently used file is closed first
}

// openOutput opens f at its durable size. It locks the file too: two path settings may lead to the
// same file.
func openOutput(path string, f *file, format format) (*output, error) {
	flags := os.O_RDWR
	if f.New && f.Size == 0 {
		flags |= os.O_CREATE
	}
	out, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, err
	}
	o := &output{file: f, out: out, dirty: f.New}
	if err = o.place(); err == nil {
		o.encoder, err = format.encoder()
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	if o.encoder != nil {
		o.buf = bufio.NewWriterSize(sized{o}, 64<<10)
	}
	return o, nil
}

// place seeks to where writing continues.
func (o *output) place() error {
	if err := lockWithin(context.Background(), o.out, settling); err != nil {
		return fmt.Errorf("%s: %w", o.out.Name(), err)
	}
	info, err := o.out.Stat()
	if err != nil {
		return err
	}
	if info.Size() != o.file.Size {
		return fmt.Errorf("%s has %d bytes and not %d: something else writes to it", o.out.Name(), info.Size(),
			o.file.Size)
	}
	_, err = o.out.Seek(o.file.Size, io.SeekStart)
	return err
}

// sized counts the bytes that reach the file.
type sized struct{ *output }

func (s sized) Write(p []byte) (int, error) {
	n, err := s.out.Write(p)
	s.file.Size += int64(n)
	return n, err
}

func (o *output) write(p []byte) error {
	o.dirty = true
	if o.encoder == nil {
		_, err := sized{o}.Write(p)
		return err
	}
	if !o.inFrame {
		o.encoder.Reset(o.buf)
		o.inFrame = true
	}
	_, err := o.encoder.Write(p)
	return err
}

// settle ends the frame and makes everything durable. The file is complete then.
func (o *output) settle() error {
	if !o.dirty {
		return nil
	}
	if o.inFrame {
		if err := o.encoder.Close(); err != nil {
			return err
		}
		o.inFrame = false
	}
	if o.buf != nil {
		if err := o.buf.Flush(); err != nil {
			return err
		}
	}
	if err := o.out.Sync(); err != nil {
		return err
	}
	o.dirty = false
	return nil
}

// endLine ends a line that another program left without a newline at the end of an uncompressed
// file.
func (o *output) endLine() error {
	if o.encoder != nil || o.file.Size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := o.out.ReadAt(last[:], o.file.Size-1); err != nil || last[0] == '\n' {
		return err
	}
	return o.write([]byte("\n"))
}
