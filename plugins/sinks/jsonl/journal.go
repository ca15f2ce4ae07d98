// The journal: what has to be known of a file before the first byte goes into it.

package jsonl

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// journal is a hidden file in the output folder, one a path of the settings: JSON Lines, the folder's mark
// first, then files begun since Open and whether a token was handed out for those above.
type journal struct {
	path    string
	mark    string // "": there is no journal yet
	head    int64  // length of the first line
	size    int64  // length of all when it was read
	begun   []begun
	pending bool // a file was begun since the last token
	out     *os.File
}

// begun is a file that was begun, at Base.
type begun struct {
	file
	handed bool // a token that names it was handed out
}

// line is one line of the journal; one of its fields is set.
type line struct {
	About  string `json:"about,omitempty"`
	Mark   string `json:"mark,omitempty"`
	File   *file  `json:"file,omitempty"`
	Handed bool   `json:"handed,omitempty"`
}

const about = "scrapekit needs this file to go on after a crash; do not remove it while a run is unfinished"

// readJournal reads the journal of a path, if there is one.
func readJournal(t template) (*journal, error) {
	sum := sha256.Sum256([]byte(t.rest))
	j := &journal{path: filepath.Join(t.root, ".scrapekit-jsonl-"+hex.EncodeToString(sum[:4]))}
	raw, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	j.size = int64(len(raw))
	return j, j.parse(raw)
}

// parse reads the lines. Each is synced before what it speaks of happens, so one that has no end, left
// by a crash, speaks of nothing.
func (j *journal) parse(raw []byte) error {
	for n := 1; ; n++ {
		text, rest, whole := bytes.Cut(raw, []byte("\n"))
		if !whole {
			return nil
		}
		raw = rest
		var l line
		err := json.Unmarshal(text, &l)
		if err == nil && l.File != nil {
			err = l.File.check()
		}
		if err == nil && (n == 1) != (l.Mark != "") {
			err = errors.New("its first line, and no other, is the folder's mark")
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w: it is damaged; move it away, and the next full run starts over", j.path, n, err)
		}
		switch {
		case l.Mark != "":
			j.mark, j.head = l.Mark, int64(len(text)+1)
		case l.File != nil:
			j.begun = append(j.begun, begun{file: *l.File})
		case l.Handed:
			for i := range j.begun {
				j.begun[i].handed = true
			}
		}
	}
}

// clear forgets all files: they are where they belong.
func (j *journal) clear() error {
	j.begun = nil
	if j.mark == "" || j.size == j.head {
		return nil
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(j.head), f.Sync(), f.Close())
}

// begin notes durably that f is about to be written from its base on.
func (j *journal) begin(f *file) error {
	if err := j.open(); err != nil {
		return err
	}
	j.pending = true
	return j.add(line{File: f})
}

// hand notes durably that a token for all files so far is about to be handed out.
func (j *journal) hand() error {
	if !j.pending {
		return nil
	}
	j.pending = false
	return j.add(line{Handed: true})
}

// open makes the journal if there is none, and gets ready to add to it.
func (j *journal) open() (err error) {
	if j.out != nil {
		return nil
	}
	if err := makeFolder(filepath.Dir(j.path)); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if j.mark == "" {
		flags |= os.O_TRUNC // half a first line
	}
	if j.out, err = os.OpenFile(j.path, flags, 0o644); err != nil {
		return err
	}
	if j.mark != "" {
		return nil
	}
	mark := rand.Text()
	if err := j.add(line{About: about, Mark: mark}); err != nil {
		return err
	}
	j.mark = mark
	return syncDir(filepath.Dir(j.path))
}

func (j *journal) add(l line) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := j.out.Write(append(raw, '\n')); err != nil {
		return err
	}
	return j.out.Sync()
}

func (j *journal) close() error {
	if j.out == nil {
		return nil
	}
	err := j.out.Close()
	j.out = nil
	return err
}
