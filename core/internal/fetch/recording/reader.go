// Recording: a file of exchanges, scanned once and then read on demand.

package recording

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Recording is an open file. Its methods may be called by several goroutines at the same time.
type Recording struct {
	Path      string
	Exchanges []Exchange // in the order of their ends
	Sessions  int
	Started   time.Time // of the first session
	Pipeline  string
	Resumed   bool // the first session continued earlier runs
	Complete  bool // the last session ended by itself

	file  *os.File
	codec *codec
	salt  []byte
	whole int64 // length of the valid part
}

// errNothing says that a recording is empty.
var errNothing = errors.New("a recording with nothing in it")

// Open opens a recording. It ignores an incomplete end.
func Open(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Recording{Path: path, file: f}
	if err := r.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return r, nil
}

// Close closes the file.
func (r *Recording) Close() error { return r.file.Close() }

func (r *Recording) read() error {
	var err error
	if r.codec, err = newCodec(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(r.file, 1<<20)
	first := make([]byte, len(magic))
	const name = len("scrapekit recording ")
	n, err := io.ReadFull(in, first)
	switch {
	case err != nil && strings.HasPrefix(magic, string(first[:n])):
		return errNothing
	case err != nil || string(first[:name]) != magic[:name]:
		return fmt.Errorf("not a recording (it begins with %.20q)", first[:n])
	}
	if string(first) != magic {
		return errors.New("a recording of a newer scrapekit")
	}
	r.whole = int64(len(magic))
	for at := r.whole; ; {
		k, packed, err := next(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // left by a kill
			r.Complete = false
			break
		}
		at += int64(frameHead + len(packed))
		if err := r.take(k, packed, at); err != nil {
			return err
		}
	}
	r.drop()
	if r.Sessions == 0 {
		return errNothing
	}
	return nil
}

// take processes a frame that ends at end.
func (r *Recording) take(k kind, packed []byte, end int64) error {
	if k == bodyFrame {
		if missing := r.missing(); missing == 1 {
			r.whole = end
		} else if missing == 0 {
			return errors.New("a body that belongs to no exchange")
		}
		last := &r.Exchanges[len(r.Exchanges)-1]
		last.have++
		return nil
	}
	if r.missing() > 0 {
		return errors.New("an exchange lacks a part of its body")
	}
	raw, err := r.codec.unpack(packed)
	if err != nil {
		return err
	}
	r.Complete = false
	switch k {
	case sessionFrame:
		err = r.session(raw)
	case exchangeFrame:
		e := Exchange{at: end}
		if err = json.Unmarshal(raw, &e); err == nil {
			err = e.check()
		}
		r.Exchanges = append(r.Exchanges, e)
	case endFrame:
		r.Complete = true
	}
	if r.missing() == 0 {
		r.whole = end
	}
	return err
}

func (r *Recording) session(raw []byte) error {
	var s session
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if r.Sessions++; r.Sessions == 1 {
		r.Started, r.Pipeline, r.Resumed, r.salt = s.Started, s.Pipeline, s.Resumed, s.Salt
	}
	return nil
}

func (e *Exchange) check() error {
	if e.Size < 0 || int64(e.Pieces) != (e.Size+piece-1)/piece {
		return errors.New("an exchange whose body has a wrong length")
	}
	return nil
}

// missing returns how many frames the last exchange lacks.
func (r *Recording) missing() int {
	if len(r.Exchanges) == 0 {
		return 0
	}
	e := r.Exchanges[len(r.Exchanges)-1]
	return e.Pieces - e.have
}

// drop removes the last exchange if it is incomplete.
func (r *Recording) drop() {
	if r.missing() > 0 {
		r.Exchanges = r.Exchanges[:len(r.Exchanges)-1]
		r.Complete = false
	}
}

// Body returns a reader of an exchange's body.
func (r *Recording) Body(e Exchange) io.Reader { return &recordedBody{r: r, at: e.at, left: e.Pieces} }

// recordedBody reads a body piece by piece.
type recordedBody struct {
	r    *Recording
	at   int64
	left int
	held []byte
}

func (b *recordedBody) Read(p []byte) (int, error) {
	for len(b.held) == 0 {
		if b.left == 0 {
			return 0, io.EOF
		}
		k, packed, err := next(io.NewSectionReader(b.r.file, b.at, frameHead+maxFrame))
		if err != nil || k != bodyFrame {
			return 0, fmt.Errorf("%s: changed since it was opened: %w", b.r.Path, errFrame)
		}
		if b.held, err = b.r.codec.unpack(packed); err != nil {
			return 0, fmt.Errorf("%s: %w", b.r.Path, err)
		}
		b.at += int64(frameHead + len(packed))
		b.left--
	}
	n := copy(p, b.held)
	b.held = b.held[n:]
	return n, nil
}
