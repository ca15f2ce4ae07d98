// Writer: appends exchanges to a file.

package recording

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// About describes the origin of a recording.
type About struct {
	Pipeline string
	Version  string
	Resumed  bool // the run continues earlier ones
}

// Writer appends exchanges to a file. Its methods may be called by several goroutines at the same
// time.
type Writer struct {
	mask
	codec *codec
	lock  *flock.Flock

	mu     sync.Mutex
	file   *os.File
	broken error // the error after which nothing is written
}

// Create begins a session in a file, which need not exist. It appends to the valid part of an
// existing file. set has the secrets to mask.
func Create(path string, set *redact.Set, about About) (*Writer, error) {
	w, err := create(path, set, about)
	if err != nil {
		return nil, fmt.Errorf("record into %s: %w", path, err)
	}
	return w, nil
}

func create(path string, set *redact.Set, about About) (*Writer, error) {
	whole, salt, err := resume(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{mask: mask{set: set, salt: salt}}
	if w.codec, err = newCodec(); err != nil {
		return nil, err
	}
	if w.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if err := w.begin(path, whole, about); err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	return w, nil
}

// resume returns the length of an existing file's valid part, and its salt; 0 and a new salt if
// there is no file.
func resume(path string) (whole int64, salt []byte, err error) {
	salt = make([]byte, 16)
	rand.Read(salt)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return 0, salt, nil
	}
	if err != nil {
		return 0, nil, err
	}
	r, err := Open(path)
	switch {
	case errors.Is(err, errNothing):
		return 0, salt, nil
	case err != nil:
		return 0, nil, err
	}
	return r.whole, r.salt, r.Close()
}

func (w *Writer) begin(path string, whole int64, about About) error {
	w.lock = flock.New(path)
	if got, err := w.lock.TryLock(); err != nil || !got {
		return errors.Join(errors.New("another process records into it"), err)
	}
	if err := w.file.Truncate(whole); err != nil {
		return err
	}
	if _, err := w.file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	if whole == 0 {
		if _, err := io.WriteString(w.file, magic); err != nil {
			return err
		}
	}
	return w.json(sessionFrame, session{Started: time.Now(), Pipeline: about.Pipeline, Version: about.Version,
		Resumed: about.Resumed, Salt: w.salt})
}

func (w *Writer) json(k kind, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(raw) > maxFrame/2 {
		return errors.New("the headers are too long to be recorded")
	}
	_, err = w.file.Write(w.codec.frame(k, raw))
	return err
}

// Add records an exchange: the request, its body, and its result. reply is the body of resp, of
// e.Size bytes, which can be read more than once; failed is the error instead of a reply.
func (w *Writer) Add(e Exchange, req *http.Request, body []byte, resp *http.Response, reply io.ReadSeeker,
	failed error) error {
	e.Request = w.request(req, body)
	var err error
	switch {
	case failed != nil:
		e.Error = w.set.String(failed.Error())
	case login(body):
		e.Withheld = "it answers a login"
	default:
		reply, err = w.head(&e, resp, reply)
	}
	if err != nil {
		return err
	}
	if e.Size == 0 || e.Error != "" || e.Withheld != "" {
		reply = nil
	}
	return w.write(e, reply)
}

// longestMasked is the longest body that is masked, because masking happens in memory.
const longestMasked = 32 << 20

// head sets the reply's head in e, and returns the body to record.
func (w *Writer) head(e *Exchange, resp *http.Response, reply io.ReadSeeker) (io.ReadSeeker, error) {
	e.Status, e.Reply = resp.StatusCode, w.reply(resp.Header)
	secrets := w.set.Finder()
	size, err := io.Copy(secrets, reply)
	if err != nil {
		return nil, err
	}
	secrets.End()
	if _, err := reply.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if secrets.Found() {
		if size > longestMasked {
			e.Withheld = fmt.Sprintf("it holds a secret, and its body is too long (%d bytes) to be masked", size)
			e.Status, e.Reply = 0, nil
			return nil, nil
		}
		raw, err := io.ReadAll(reply)
		if err != nil {
			return nil, err
		}
		masked := []byte(w.set.Known(string(raw)))
		e.Masked, size, reply = true, int64(len(masked)), bytes.NewReader(masked)
		if e.Reply.Get("Content-Length") != "" {
			e.Reply.Set("Content-Length", strconv.FormatInt(size, 10))
		}
	}
	e.Size, e.Pieces = size, int((size+piece-1)/piece)
	return reply, nil
}

// write appends the frames of an exchange. If it fails, the file stays valid up to the previous
// exchange, and nothing more is added.
func (w *Writer) write(e Exchange, body io.Reader) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = w.frames(e, body)
	}
	if w.broken != nil {
		return fmt.Errorf("record: %w", w.broken)
	}
	return nil
}

func (w *Writer) frames(e Exchange, body io.Reader) error {
	if err := w.json(exchangeFrame, e); err != nil || body == nil {
		return err
	}
	buf := make([]byte, min(e.Size, piece))
	for range e.Pieces {
		n, err := io.ReadFull(body, buf)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if _, err := w.file.Write(w.codec.frame(bodyFrame, buf[:n])); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the session.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.broken
	if err == nil {
		_, err = w.file.Write(w.codec.frame(endFrame, nil))
	}
	return errors.Join(err, w.file.Close(), w.lock.Close())
}
