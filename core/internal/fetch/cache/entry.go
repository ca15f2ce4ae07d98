// An entry of the store: a file with the body, the head as JSON, and a footer.

package cache

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"
)

// footer is the end of an entry: the lengths of body and head, the checksum of both, and a magic
// number.
type footer struct {
	Body     uint64
	Head     uint32
	Checksum uint32
	Mark     [8]byte
}

const (
	footerSize = 8 + 4 + 4 + 8
	maxHead    = 4 << 20
)

var mark = [8]byte{'s', 'k', 'c', 'a', 'c', 'h', 'e', '1'}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBroken = errors.New("the entry is broken")

// entry is an open entry.
type entry struct {
	head head
	size int64 // of the body
	file *os.File
}

// openEntry opens an entry and verifies its checksum.
func openEntry(path string) (*entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	e := &entry{file: f}
	if err := e.read(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return e, nil
}

func (e *entry) read() error {
	info, err := e.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < footerSize {
		return errBroken
	}
	var foot footer
	end := io.NewSectionReader(e.file, info.Size()-footerSize, footerSize)
	if err := binary.Read(end, binary.LittleEndian, &foot); err != nil {
		return err
	}
	if foot.Mark != mark || foot.Head > maxHead || foot.Body > uint64(info.Size()) ||
		int64(foot.Body)+int64(foot.Head)+footerSize != info.Size() {
		return errBroken
	}
	e.size = int64(foot.Body)
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(e.file, 0, e.size)); err != nil {
		return err
	}
	raw := make([]byte, foot.Head)
	if _, err := e.file.ReadAt(raw, e.size); err != nil {
		return err
	}
	if _, err := sum.Write(raw); err != nil || sum.Sum32() != foot.Checksum {
		return errBroken
	}
	return json.Unmarshal(raw, &e.head)
}

func (e *entry) body() *io.SectionReader { return io.NewSectionReader(e.file, 0, e.size) }

func (e *entry) Close() error { return e.file.Close() }

// writer writes an entry to a temporary file. Without commit, nothing is stored.
type writer struct {
	store *Store
	path  string // final path of the entry
	file  *os.File
	sum   hash.Hash32
	size  int64
}

func (s *Store) write(key string) (*writer, error) {
	f, err := os.CreateTemp(s.dir, aside+"*") // 0600
	if err != nil {
		return nil, err
	}
	return &writer{store: s, path: s.path(key), file: f, sum: crc32.New(castagnoli)}, nil
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.size += int64(n)
	if err != nil {
		return n, err
	}
	if w.size > w.store.max/2 {
		return n, fmt.Errorf("the body is longer than half of what the cache may hold (%d bytes)", w.store.max)
	}
	return w.sum.Write(p)
}

// commit moves the file to its final path.
func (w *writer) commit(h head) error {
	err := w.finish(h)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(w.path), 0o700)
	}
	if err == nil {
		err = os.Rename(w.file.Name(), w.path)
	}
	if err != nil {
		return errors.Join(err, w.abandon())
	}
	return w.store.added(w.size)
}

// finish writes head and footer, and closes the file.
func (w *writer) finish(h head) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if len(raw) > maxHead {
		return errBroken
	}
	foot := footer{Body: uint64(w.size), Head: uint32(len(raw)), Mark: mark}
	if _, err := w.sum.Write(raw); err != nil {
		return err
	}
	foot.Checksum = w.sum.Sum32()
	if _, err := w.file.Write(raw); err != nil {
		return err
	}
	if err := binary.Write(w.file, binary.LittleEndian, foot); err != nil {
		return err
	}
	return w.file.Close()
}

// abandon removes the file.
func (w *writer) abandon() error {
	w.file.Close() // it may be closed already
	return os.Remove(w.file.Name())
}

// rewrite replaces the head of an entry.
func (s *Store) rewrite(key string, e *entry) error {
	w, err := s.write(key)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, e.body()); err != nil {
		return errors.Join(err, w.abandon())
	}
	return w.commit(e.head)
}

// used marks an entry as recently used.
func (s *Store) used(key string, now time.Time) {
	_ = os.Chtimes(s.path(key), time.Time{}, now) // it may be gone
}
