// Package body holds the complete, decoded body of a reply: in memory up to 8 MiB, otherwise in a
// file.
package body

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

const (
	memoryBody = 8 << 20
	firstPiece = 16 << 10 // enough for most bodies
	nextPiece  = 128 << 10
)

// Pool reuses the memory of bodies.
type Pool struct {
	first, next sync.Pool // of *[]byte
}

// NewPool returns an empty pool.
func NewPool() *Pool {
	lend := func(size int) func() any {
		return func() any { b := make([]byte, size); return &b }
	}
	return &Pool{first: sync.Pool{New: lend(firstPiece)}, next: sync.Pool{New: lend(nextPiece)}}
}

func (p *Pool) get(i int) *[]byte {
	if i == 0 {
		return p.first.Get().(*[]byte)
	}
	return p.next.Get().(*[]byte)
}

func (p *Pool) put(i int, b *[]byte) {
	if i == 0 {
		p.first.Put(b)
		return
	}
	p.next.Put(b)
}

// Body is a body that a plugin reads. Close releases its memory and file.
type Body struct {
	pool *Pool
	dir  string
	room *disk.Room
	size int64
	wire int64 // bytes received

	mu     sync.Mutex
	held   []*[]byte // all but the last are full
	file   *os.File
	took   int64  // reserved disk space
	path   string // set if the file could not be removed while open
	offset int64  // bytes read
	closed bool
}

// New returns an empty body that spools as p says.
func New(pool *Pool, p httppolicy.Policy) *Body {
	return &Body{pool: pool, dir: p.SpoolDir, room: p.SpoolRoom}
}

// Size is the length in bytes.
func (b *Body) Size() int64 { return b.size }

// Wire is the number of bytes received for it.
func (b *Body) Wire() int64 { return b.wire }

// Fill reads r to its end.
func (b *Body) Fill(r io.Reader) error {
	for b.size < memoryBody {
		piece := b.pool.get(len(b.held))
		b.held = append(b.held, piece)
		n, ended, err := readFull(r, *piece)
		b.size += int64(n)
		if ended || err != nil {
			return err
		}
	}
	return b.spool(r)
}

// readFull fills p, or reports that r has ended. Unlike io.ReadFull, it returns r's error
// unchanged, because the end of a body is not a truncation.
func readFull(r io.Reader, p []byte) (n int, ended bool, err error) {
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// spool moves the body to a file and reads the rest of r into it.
func (b *Body) spool(r io.Reader) error {
	f, err := os.CreateTemp(b.dir, "body-*")
	if err != nil {
		return spoolError(err)
	}
	b.file, b.path = f, f.Name()
	if os.Remove(b.path) == nil { // if the system allows it, no kill can leave the file behind
		b.path = ""
	}
	for _, piece := range b.held {
		if _, err := (spoolWriter{f, b}).Write(*piece); err != nil {
			return err
		}
	}
	last := len(b.held) - 1 // used as the copy buffer
	for i, piece := range b.held[:last] {
		b.pool.put(i, piece)
	}
	n, err := io.CopyBuffer(spoolWriter{f, b}, struct{ io.Reader }{r}, *b.held[last])
	b.size += n
	b.pool.put(last, b.held[last])
	b.held = nil
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return spoolError(err)
	}
	return nil
}

// spoolWriter distinguishes errors of the disk from those of the network.
type spoolWriter struct {
	f *os.File
	b *Body
}

func (w spoolWriter) Write(p []byte) (int, error) {
	if err := w.b.room.Take(int64(len(p))); err != nil {
		return 0, spoolError(err)
	}
	w.b.took += int64(len(p))
	n, err := w.f.Write(p)
	if err != nil {
		err = spoolError(err)
	}
	return n, err
}

func spoolError(err error) error {
	return &fault.Error{Outcome: fault.Outcome{Verdict: fault.Stop, Cause: "disk"},
		Err: fmt.Errorf("keep a large body on disk: %w", err)}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(p) == 0 {
		return 0, nil
	}
	if b.file != nil {
		n, err := b.file.Read(p)
		b.offset += int64(n)
		return n, err
	}
	if b.offset >= b.size {
		return 0, io.EOF
	}
	n := copy(p, b.rest())
	b.offset += int64(n)
	return n, nil
}

// rest returns the unread part of the current piece.
func (b *Body) rest() []byte {
	i, at, from := 0, b.offset, int64(0)
	if at >= firstPiece {
		i = 1 + int((at-firstPiece)/nextPiece)
		from = firstPiece + int64(i-1)*nextPiece
	}
	piece := *b.held[i]
	return piece[at-from : min(int64(len(piece)), b.size-from)]
}

// WriteTo implements io.WriterTo, without copying a body in memory first.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.file != nil {
		n, err := io.Copy(w, b.file)
		b.offset += n
		return n, err
	}
	start := b.offset
	for b.offset < b.size {
		n, err := w.Write(b.rest())
		b.offset += int64(n)
		if err != nil {
			return b.offset - start, err
		}
	}
	return b.offset - start, nil
}

// Rewind restarts reading at the beginning.
func (b *Body) Rewind() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offset = 0
	if b.file == nil {
		return nil
	}
	_, err := b.file.Seek(0, io.SeekStart)
	return err
}

// Close may be called more than once.
func (b *Body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	for i, piece := range b.held {
		b.pool.put(i, piece)
	}
	b.held = nil
	if b.file == nil {
		return nil
	}
	b.room.Give(b.took)
	err := b.file.Close()
	if b.path != "" {
		err = errors.Join(err, os.Remove(b.path))
	}
	return err
}

// Head returns up to n first bytes without reading them. Call it before any Read.
func (b *Body) Head(n int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	out := make([]byte, min(int64(n), b.size))
	if b.file != nil {
		got, _ := b.file.ReadAt(out, 0) // Read will return the error
		return out[:got]
	}
	at := 0
	for _, piece := range b.held {
		at += copy(out[at:], *piece)
	}
	return out
}
