// The journal: facts about a file that must be durable before the file is written, moved or
// removed.

package filesink

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
)

// journal is a hidden file in the output folder, one for each path setting. It is JSON Lines: the
// folder's mark first, then what happened since the last Open. It stays open and locked while the
// sink is open.
type journal struct {
	path    string
	out     *os.File
	mark    string
	head    int64 // bytes of the first line
	size    int64 // bytes of the file
	begun   []begun
	asides  []aside
	dropped string // id of the last aside that was removed for good
	closed  string // id of the token at which the sink was closed, if nothing was written after it
	pending bool   // a line was added since the last token
}

// begun is a file that the sink began, or continued, at Size.
type begun struct {
	file
	on     bool // the token named the file already
	handed bool // a token was handed out after this line
}

// aside lists the files that a run moved away to write its own. They are restored if the run fails.
type aside struct {
	ID     string   `json:"id"`
	Run    string   `json:"run"`
	Paths  []string `json:"paths"`
	handed bool
}

// line is one line of the journal. One of its fields is set; On goes with File.
type line struct {
	About   string `json:"about,omitempty"`
	Mark    string `json:"mark,omitempty"`
	File    *file  `json:"file,omitempty"`
	On      bool   `json:"on,omitempty"`
	Aside   *aside `json:"aside,omitempty"`
	Dropped string `json:"dropped,omitempty"`
	Handed  bool   `json:"handed,omitempty"`
	Closed  string `json:"closed,omitempty"`
}

const about = "scrapekit needs this file to go on after a crash; do not remove it while a run is unfinished"

// openJournal opens the journal of a path and locks it, or creates it.
func openJournal(ctx context.Context, name string, t template, patience time.Duration) (_ *journal, err error) {
	sum := sha256.Sum256([]byte(t.rest))
	j := &journal{path: filepath.Join(t.root, ".scrapekit-"+name+"-"+hex.EncodeToString(sum[:4]))}
	if err := durable.MakeDir(t.root, 0o755); err != nil {
		return nil, sdk.Permanent(err)
	}
	if j.out, err = os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, sdk.Permanent(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.close())
		}
	}()
	if err := lockWithin(ctx, j.out, patience); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(t.root, filepath.FromSlash(t.rest)), err)
	}
	raw, err := io.ReadAll(j.out)
	if err == nil {
		j.size = int64(len(raw))
		err = j.parse(raw)
	}
	if err == nil && j.mark == "" {
		err = j.found()
	}
	if err == nil {
		err = durable.SyncDir(t.root) // its creator may have been killed before it synced
	}
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	return j, nil
}

// found writes the first line. It replaces a partial one that a crash has left.
func (j *journal) found() error {
	if err := j.cut(0); err != nil {
		return err
	}
	mark := rand.Text()
	if err := j.add(line{About: about, Mark: mark}); err != nil {
		return err
	}
	j.mark, j.head = mark, j.size
	return nil
}

// parse reads the lines. Each line is synced before the action that it announces, so the action of
// a last line without a newline has not happened.
func (j *journal) parse(raw []byte) error {
	for n := 1; ; n++ {
		text, rest, whole := bytes.Cut(raw, []byte("\n"))
		if !whole {
			return nil
		}
		raw = rest
		var l line
		err := json.Unmarshal(text, &l)
		if err == nil {
			err = l.check(n)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w: it is damaged; move it away, and the next full run starts over", j.path, n,
				err)
		}
		if n == 1 {
			j.mark, j.head = l.Mark, int64(len(text)+1)
		}
		j.take(l)
	}
}

// check refuses lines that the sink never writes.
func (l line) check(n int) error {
	if (n == 1) != (l.Mark != "") {
		return errors.New("its first line, and no other, is the folder's mark")
	}
	if l.File != nil {
		return l.File.check()
	}
	if l.Aside != nil {
		return l.Aside.check()
	}
	return nil
}

// take applies one line.
func (j *journal) take(l line) {
	j.closed = l.Closed
	switch {
	case l.File != nil:
		j.begun = append(j.begun, begun{file: *l.File, on: l.On})
	case l.Aside != nil:
		j.asides = append(j.asides, *l.Aside)
	case l.Dropped != "":
		j.dropped = l.Dropped
	case l.Handed:
		for i := range j.begun {
			j.begun[i].handed = true
		}
		for i := range j.asides {
			j.asides[i].handed = true
		}
	}
}

// clear empties the journal once all files are restored. It syncs even an empty journal: an earlier
// process may have truncated it and been killed before the sync, and old lines that return would
// mix with new ones.
func (j *journal) clear() error {
	j.begun, j.asides, j.dropped, j.closed, j.pending = nil, nil, "", "", false
	if j.size != j.head {
		if err := j.cut(j.head); err != nil {
			return err
		}
	}
	return j.out.Sync()
}

func (j *journal) cut(size int64) error {
	if err := j.out.Truncate(size); err != nil {
		return err
	}
	j.size = size
	_, err := j.out.Seek(size, io.SeekStart)
	return err
}

// begin records durably that f will be written from its current size on. on says that the token
// names f already.
func (j *journal) begin(f *file, on bool) error {
	j.pending = true
	return j.add(line{File: f, On: on})
}

// hand records durably that a token for all files so far is about to be handed out.
func (j *journal) hand() error {
	if !j.pending {
		return nil
	}
	j.pending = false
	return j.add(line{Handed: true})
}

func (j *journal) add(l line) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	n, err := j.out.Write(append(raw, '\n'))
	j.size += int64(n)
	if err != nil {
		return err
	}
	return j.out.Sync()
}

// close closes the journal, which frees its lock.
func (j *journal) close() error { return j.out.Close() }
