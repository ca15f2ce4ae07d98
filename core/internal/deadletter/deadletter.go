// Package deadletter keeps rejected records in JSON Lines files of the run's folder, one for each
// seat: each record exactly once, because a file is brought back to the last committed length
// before its seat goes on.
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

// fileName is that of a seat. On one machine there is no other than the first.
func fileName(seat int) string {
	if seat == 0 {
		return "rejects.jsonl"
	}
	return fmt.Sprintf("rejects-%d.jsonl", seat)
}

// line is one dead letter as it is kept. Record holds the record itself if it is valid JSON, Bytes
// its bytes in base64 otherwise.
type line struct {
	Stage  string          `json:"stage"`
	Stream string          `json:"stream"`
	Split  string          `json:"split"`
	Reason string          `json:"reason"`
	Record json.RawMessage `json:"record,omitempty"`
	Bytes  []byte          `json:"bytes,omitempty"`
}

// File is the dead letters of one seat of a run. The file is made with the first letter: most runs
// have none.
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

// Open brings the file back to its token; nil: to nothing.
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

// Path returns where the letters of the opened run are; the file is there only if there are any.
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

// open opens the file for appending, durably made with its folder.
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
