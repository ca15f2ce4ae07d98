// Package outbox makes a sink exactly once whose far end has no transactions, only requests with a
// key: an HTTP endpoint that takes an Idempotency-Key, a queue that drops what it has seen. A batch
// is sealed in the sink's private folder before its token is made, and delivered under an id that
// never changes, again and again, until the far end has confirmed it.
//
//	func (s *sink) Open(_ context.Context, start sdk.Start) (err error) {
//		s.box, err = outbox.Open(start)
//		return err
//	}
//
//	func (s *sink) Write(ctx context.Context, b sdk.Batch) error {
//		s.box.Kept() // a further call says that the host has kept the last token
//		s.open = append(s.open, b.Payload...)
//		return s.box.Deliver(ctx, s.send)
//	}
//
//	func (s *sink) Commit(context.Context) (sdk.Token, error) {
//		s.box.Kept()
//		if err := s.box.Seal(s.open); err != nil {
//			return nil, err
//		}
//		s.open = nil
//		return s.box.Commit()
//	}
//
//	func (s *sink) Finish(ctx context.Context, _ sdk.End) error {
//		s.box.Kept()
//		if err := s.box.Deliver(ctx, s.send); err != nil {
//			return err
//		}
//		return s.box.Told()
//	}
//
// A far end may refuse single records of a batch. Then send returns [sdk.Rejects]; the outbox keeps
// them, and the next Commit tells them to the host, each once.
//
// The sink must ask for its folder ([sdk.Info.PrivateDir]) and be an [sdk.Finisher]: a run is
// complete when its outbox is empty.
package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
)

// Box is a sink's outbox. Its methods are for one goroutine at a time.
type Box struct {
	dir    string
	mark   string  // of the folder; a part of each id
	sealed int64   // the last
	made   int64   // the last that the newest token stands for
	kept   int64   // the last whose token the host has kept
	items  []int64 // that are not confirmed, in order
	// Batches of which records were refused and no token has told, in order; the last that a saved
	// token has told of; the last that the newest token tells of.
	refused       []int64
	told, telling int64
}

// Item is a sealed batch.
type Item struct {
	// ID is the batch's, the same at each attempt, and no other batch's: letters, digits and '-'.
	ID   string
	path string
}

// Payload reads the batch.
func (i Item) Payload() ([]byte, error) { return os.ReadFile(i.path) }

// token is what stands for the outbox at a commit.
type token struct {
	Mark   string `json:"mark"`
	Told   int64  `json:"told,omitempty"` // the last batch whose refused records the host has
	Sealed int64  `json:"sealed"`
}

const markFile = "mark"

// refusedEnd ends the name of a file with the refused records of a batch that is delivered.
const refusedEnd = ".refused"

// Open brings the outbox in a sink's private folder back to s.Token: it drops batches that were
// sealed later; earlier batches without a confirmation wait for delivery. A full run drops
// everything. A folder that the token was not made for is a permanent error, because nobody knows
// whether its batches were delivered.
func Open(s sdk.Start) (*Box, error) {
	if s.Dir == "" {
		return nil, sdk.Permanent(errors.New("an outbox needs the sink's private folder: set Info.PrivateDir"))
	}
	b := &Box{dir: filepath.Join(s.Dir, "outbox")}
	var at token
	if s.Token != nil {
		if err := json.Unmarshal(s.Token, &at); err != nil {
			return nil, sdk.Permanent(fmt.Errorf("the token is none of an outbox: %w", err))
		}
	}
	if err := durable.MakeDir(b.dir, 0o700); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(b.dir, markFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	switch b.mark = string(raw); {
	case s.Token == nil || s.Full:
		b.mark, at = rand.Text(), token{} // ids of an earlier beginning are never given again
		if err := durable.Replace(filepath.Join(b.dir, markFile), []byte(b.mark), true); err != nil {
			return nil, err
		}
	case b.mark != at.Mark:
		return nil, sdk.Permanent(fmt.Errorf(
			"%s is not the folder that the last token was made for: what it held may not be delivered; put it back, or start over with a full run", b.dir))
	}
	b.sealed, b.made, b.kept = at.Sealed, at.Sealed, at.Sealed
	b.told, b.telling = at.Told, at.Told
	return b, b.load()
}

// load finds the batches in the folder, and removes those that the token does not name.
func (b *Box) load() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, refused := strings.CutSuffix(e.Name(), refusedEnd)
		mark, number, ok := strings.Cut(name, "-")
		n, err := strconv.ParseInt(number, 10, 64)
		ok = ok && err == nil && mark == b.mark && n <= b.sealed && n > b.told // what was told was delivered
		switch {
		case e.Name() == markFile:
		case ok && refused:
			b.refused = append(b.refused, n)
		case ok:
			b.items = append(b.items, n)
		default:
			if err := os.Remove(filepath.Join(b.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	slices.Sort(b.items)
	slices.Sort(b.refused)
	for len(b.items) > 0 && slices.Contains(b.refused, b.items[0]) { // killed before it was removed
		if err := b.confirmed(); err != nil {
			return err
		}
	}
	return durable.SyncDir(b.dir)
}

// confirmed removes the first batch.
func (b *Box) confirmed() error {
	if err := os.Remove(b.item(b.items[0]).path); err != nil {
		return err
	}
	b.items = b.items[1:]
	return nil
}

func (b *Box) item(n int64) Item {
	id := fmt.Sprintf("%s-%d", b.mark, n)
	return Item{ID: id, path: filepath.Join(b.dir, id)}
}

// Seal saves a batch, so that it survives a power cut. It is delivered after the host has saved a
// later token. An empty payload is ignored.
func (b *Box) Seal(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	if err := durable.Replace(b.item(b.sealed+1).path, payload, true); err != nil {
		return err
	}
	b.sealed++
	b.items = append(b.items, b.sealed)
	return nil
}

// maxTold bounds the records, in bytes, that one token tells of. A batch is told whole.
const maxTold = 16 << 20

// Commit is what a Commit of the sink returns: the token for everything that was sealed, and
// [sdk.Rejects] if records of delivered batches were refused and no token has told of them.
func (b *Box) Commit() (sdk.Token, error) {
	var all sdk.Rejects
	size := 0
	for _, n := range b.refused {
		raw, err := os.ReadFile(b.item(n).path + refusedEnd)
		if err != nil {
			return nil, err
		}
		if size += len(raw); len(all) > 0 && size > maxTold {
			break
		}
		var some sdk.Rejects
		if err := json.Unmarshal(raw, &some); err != nil {
			return nil, sdk.Permanent(fmt.Errorf("%s: %w", b.item(n).path+refusedEnd, err))
		}
		all, b.telling = append(all, some...), n
	}
	at, err := json.Marshal(token{b.mark, b.telling, b.sealed})
	if err != nil {
		return nil, err
	}
	b.made = b.sealed
	return at, all.Err()
}

// Told is what a Finish of the sink returns after a Deliver: [sdk.ErrUntold] if records were
// refused and no saved token has told of them.
func (b *Box) Told() error {
	if len(b.refused) > 0 {
		return sdk.ErrUntold
	}
	return nil
}

// Kept says that the host has saved the last token. The sink calls it at the beginning of each
// method that is called after Commit.
func (b *Box) Kept() { b.kept, b.told = b.made, b.telling }

// Waiting returns how many batches are not confirmed.
func (b *Box) Waiting() int { return len(b.items) }

// Deliver calls send with each sealed batch that the saved token covers, in order, until one fails.
// nil from send confirms the batch, and it is removed; [sdk.Rejects] confirm it too, but for these
// records. After a kill a confirmed batch may be sent again, with the same id.
func (b *Box) Deliver(ctx context.Context, send func(context.Context, Item) error) error {
	for len(b.refused) > 0 && b.refused[0] <= b.told {
		if err := os.Remove(b.item(b.refused[0]).path + refusedEnd); err != nil {
			return err
		}
		b.refused = b.refused[1:]
	}
	for len(b.items) > 0 && b.items[0] <= b.kept {
		if err := ctx.Err(); err != nil {
			return err
		}
		it := b.item(b.items[0])
		err := send(ctx, it)
		var rejects sdk.Rejects
		if errors.As(err, &rejects) {
			err = b.refuse(it, rejects)
		}
		if err != nil {
			return fmt.Errorf("deliver batch %s: %w", it.ID, err)
		}
		if err := b.confirmed(); err != nil {
			return err
		}
	}
	return nil
}

// refuse keeps the refused records of the first batch.
func (b *Box) refuse(it Item, rejects sdk.Rejects) error {
	raw, err := json.Marshal(rejects)
	if err == nil {
		err = durable.Replace(it.path+refusedEnd, raw, true)
	}
	if err == nil {
		b.refused = append(b.refused, b.items[0])
	}
	return err
}
