// Groups: what a source emits between two cursors, held until its cursor has come.

package pipeline

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/scrapekit/scrapekit/sdk"
)

// group holds batches in memory up to a limit and in a file beyond it. It belongs to one goroutine.
type group struct {
	memory int // bytes that may be held in memory
	dir    string

	batches []sdk.Batch
	held    int
	spool   *spool
	records int64
	bytes   int64
	rejects []sdk.Reject
	splits  []sdk.Split
	counts  map[string]int64
}

func (g *group) add(b sdk.Batch) error {
	g.records += int64(b.Count)
	g.bytes += int64(len(b.Payload))
	if g.spool == nil && g.held+len(b.Payload) <= g.memory {
		g.batches = append(g.batches, b)
		g.held += len(b.Payload)
		return nil
	}
	if g.spool == nil {
		s, err := newSpool(g.dir)
		if err != nil {
			return err
		}
		g.spool = s
	}
	return g.spool.write(b)
}

// all yields the batches in the order in which they came.
func (g *group) all() iter.Seq2[sdk.Batch, error] {
	return func(yield func(sdk.Batch, error) bool) {
		for _, b := range g.batches {
			if !yield(b, nil) {
				return
			}
		}
		if g.spool != nil {
			g.spool.each(yield)
		}
	}
}

// reset empties the group for what comes after the cursor.
func (g *group) reset() error {
	var err error
	if g.spool != nil {
		err = g.spool.close()
	}
	*g = group{memory: g.memory, dir: g.dir, batches: g.batches[:0]}
	return err
}

// spool is the part of a group that does not fit into memory: a file of batches, each with its lengths
// before it. The file has no name where the system allows that, so that nothing is left behind by a kill.
type spool struct {
	file *os.File
	buf  *bufio.Writer
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "group-*")
	if err != nil {
		return nil, fmt.Errorf("spool of a large group: %w", err)
	}
	// Windows refuses to remove an open file; close removes it there.
	_ = os.Remove(f.Name())
	return &spool{file: f, buf: bufio.NewWriterSize(f, 256<<10)}, nil
}

func (s *spool) write(b sdk.Batch) error {
	var head []byte
	head = binary.AppendUvarint(head, uint64(len(b.Stream)))
	head = append(head, b.Stream...)
	head = binary.AppendUvarint(head, uint64(b.Op))
	head = binary.AppendUvarint(head, uint64(b.Count))
	head = binary.AppendUvarint(head, uint64(len(b.Payload)))
	if _, err := s.buf.Write(head); err != nil {
		return fmt.Errorf("spool of a large group: %w", err)
	}
	if _, err := s.buf.Write(b.Payload); err != nil {
		return fmt.Errorf("spool of a large group: %w", err)
	}
	return nil
}

func (s *spool) each(yield func(sdk.Batch, error) bool) {
	if err := s.buf.Flush(); err != nil {
		yield(sdk.Batch{}, fmt.Errorf("spool of a large group: %w", err))
		return
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		yield(sdk.Batch{}, fmt.Errorf("spool of a large group: %w", err))
		return
	}
	r := bufio.NewReaderSize(s.file, 256<<10)
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return
		}
		b, err := readBatch(r)
		if err != nil {
			err = fmt.Errorf("spool of a large group: %w", err)
		}
		if !yield(b, err) || err != nil {
			return
		}
	}
}

func readBatch(r *bufio.Reader) (sdk.Batch, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return sdk.Batch{}, err
	}
	stream := make([]byte, n)
	if _, err := io.ReadFull(r, stream); err != nil {
		return sdk.Batch{}, err
	}
	var fields [3]uint64
	for i := range fields {
		if fields[i], err = binary.ReadUvarint(r); err != nil {
			return sdk.Batch{}, err
		}
	}
	payload := make([]byte, fields[2])
	if _, err := io.ReadFull(r, payload); err != nil {
		return sdk.Batch{}, err
	}
	return sdk.Batch{Stream: string(stream), Op: sdk.Op(fields[0]), Count: int(fields[1]), Payload: payload}, nil
}

func (s *spool) close() error {
	err := s.file.Close()
	if rm := os.Remove(s.file.Name()); rm != nil && !os.IsNotExist(rm) && err == nil {
		err = rm
	}
	return err
}
