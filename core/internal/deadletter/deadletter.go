// Package deadletter keeps rejected records in JSON Lines files in the run's folder, one for each
// seat. Each record is there exactly once, because a file is truncated to its committed length
// before work on its seat resumes.
package deadletter

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// Files matches the names of the files in a run's folder.
const Files = "rejects*.jsonl"

// fileName returns the name of a seat's file. On one machine there is only the first seat.
func fileName(seat int) string {
	if seat == 0 {
		return "rejects.jsonl"
	}
	return fmt.Sprintf("rejects-%d.jsonl", seat)
}

// line is the stored form of a dead letter. Record holds a record that is valid JSON; Bytes holds
// others in base64.
type line struct {
	Stage  string          `json:"stage"`
	Stream string          `json:"stream"`
	Split  string          `json:"split"`
	Reason string          `json:"reason"`
	Record json.RawMessage `json:"record,omitempty"`
	Bytes  []byte          `json:"bytes,omitempty"`
}

// File has the dead letters of one seat of a run. The file is made with the first letter, because
// most runs have none.
type File struct {
	folder func(run string) string

	mu   sync.Mutex
	path string
	file *os.File
	buf  *bufio.Writer
	size int64
}

// New returns the dead letters of a run whose folder is folder(run).
func New(folder func(run string) string) *File { return &File{folder: folder} }

// Open truncates the file to its token; nil: to empty.
func (f *File) Open(run string, seat int, token sdk.Token) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.close(); err != nil {
		return err
	}
	f.path, f.size = filepath.Join(f.folder(run), fileName(seat)), 0
	if len(token) > 0 {
		n, err := strconv.ParseInt(string(token), 10, 64)
		if err != nil || n < 0 {
			return sdk.Permanent(fmt.Errorf("token %q is not a length", token))
		}
		f.size = n
	}
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.size == 0:
		return nil
	case err != nil:
		return err
	case info.Size() < f.size:
		return sdk.Permanent(fmt.Errorf("%s held %d bytes at the last commit and holds %d now", f.path, f.size,
			info.Size()))
	}
	if err := f.open(); err != nil {
		return err
	}
	return f.file.Truncate(f.size)
}

// Add appends a letter.
func (f *File) Add(l pipeline.Letter) error {
	out := line{Stage: l.Stage, Stream: l.Stream, Split: l.Split, Reason: l.Reason}
	if json.Valid(l.Record) && utf8.Valid(l.Record) {
		out.Record = l.Record
	} else {
		out.Bytes = l.Record
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	n, err := f.buf.Write(append(raw, '\n'))
	f.size += int64(n)
	return err
}

// Commit makes the file durable and returns its length.
func (f *File) Commit() (sdk.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		if err := f.buf.Flush(); err != nil {
			return nil, err
		}
		if err := f.file.Sync(); err != nil {
			return nil, err
		}
	}
	return sdk.Token(strconv.FormatInt(f.size, 10)), nil
}

// Path returns the path of the letters of the opened run. The file exists only if there are
// letters.
func (f *File) Path() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.path
}

// Close closes the file without a commit.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.close()
}

func (f *File) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file, f.buf = nil, nil
	return err
}

// open opens the file for appending, and makes it and its folder durably.
func (f *File) open() error {
	if err := disk.MakeDir(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.Seek(f.size, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.buf = file, bufio.NewWriter(file)
	return disk.SyncDir(filepath.Dir(f.path))
}
