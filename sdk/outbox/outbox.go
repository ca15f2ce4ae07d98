// Package outbox makes a sink deliver exactly once to a remote system without transactions, which
// accepts requests with a key: an HTTP endpoint with Idempotency-Key, or a queue that drops
// duplicates. A batch is sealed in the sink's private folder before its token is made. It is then
// delivered under an id that never changes, with retries, until the remote system has confirmed it.
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
// The remote system may refuse single records of a batch. Then send returns [sdk.Rejects]. The
// outbox keeps them, and the next Commit reports each to the host once.
//
// The sink must ask for its private folder ([sdk.Info.PrivateDir]) and be an [sdk.Finisher]: a run
// is complete when its outbox is empty.
package outbox

import (
	"cmp"
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
	mark   string   // random mark of the folder; part of each id
	epoch  int64    // epoch of the instance
	sealed int64    // the last
	made   int64    // the last batch that the newest token covers
	kept   int64    // the last batch whose token the host has saved
	items  []sealed // unconfirmed batches, in order
	// Batches with refused records that no token has reported, in order; the last batch that a
	// saved token has reported; the last that the newest token reports.
	refused       []int64
	told, telling int64
}

// sealed is a batch in the folder. A former instance that was still running may have sealed others
// with the same numbers; those of the highest epoch count.
type sealed struct{ n, epoch int64 }

// Item is a sealed batch.
type Item struct {
	// ID identifies the batch. It is the same at each attempt, and unique: letters, digits and '-'.
	ID   string
	path string
}

// Payload reads the batch.
func (i Item) Payload() ([]byte, error) { return os.ReadFile(i.path) }

// token is the state of the outbox at a commit.
type token struct {
	Mark   string `json:"mark"`
	Told   int64  `json:"told,omitempty"` // the last batch whose refused records the host has received
	Sealed int64  `json:"sealed"`
}

const markFile = "mark"

// refusedEnd is the suffix of a file with the refused records of a delivered batch.
const refusedEnd = ".refused"

// Open restores the outbox in a sink's private folder to s.Token. It drops batches that were sealed
// later; unconfirmed earlier ones wait for delivery. A full run drops everything. If the token was
// made for another folder, the error is permanent, because it is unknown whether that folder's
// batches were delivered.
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
		b.mark, at = rand.Text(), token{} // ids of an earlier start are never used again
		if err := durable.Replace(filepath.Join(b.dir, markFile), []byte(b.mark), true); err != nil {
			return nil, err
		}
	case b.mark != at.Mark:
		return nil, sdk.Permanent(fmt.Errorf(
			"%s is not the folder that the last token was made for: what it held may not be delivered; put it back, "+
				"or start over with a full run", b.dir))
	}
	b.epoch = s.Epoch
	b.sealed, b.made, b.kept = at.Sealed, at.Sealed, at.Sealed
	b.told, b.telling = at.Told, at.Told
	return b, b.load()
}

// load finds the batches in the folder. It removes those that the token does not cover.
func (b *Box) load() error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, refused := strings.CutSuffix(e.Name(), refusedEnd)
		mark, number, _ := strings.Cut(name, "-")
		number, epoch, _ := strings.Cut(number, ".")
		n, err := strconv.ParseInt(number, 10, 64)
		ok := err == nil && mark == b.mark && n <= b.sealed && n > b.told // reported batches were delivered
		of, err := strconv.ParseInt(epoch, 10, 64)
		switch {
		case e.Name() == markFile:
		case ok && refused:
			b.refused = append(b.refused, n)
		case ok && err == nil:
			b.items = append(b.items, sealed{n, of})
		default:
			if err := os.Remove(filepath.Join(b.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(b.items, func(x, y sealed) int {
		return cmp.Or(cmp.Compare(x.n, y.n),
			cmp.Compare(x.epoch, y.epoch))
	})
	slices.Sort(b.refused)
	var items []sealed
	for i, it := range b.items {
		former := i+1 < len(b.items) && b.items[i+1].n == it.n
		if !former && !slices.Contains(b.refused, it.n) { // otherwise it was killed before it removed the batch
			items = append(items, it)
			continue
		}
		if err := b.remove(it); err != nil {
			return err
		}
	}
	b.items = items
	return durable.SyncDir(b.dir)
}

// remove removes a batch. It is no error if a former instance has just removed it.
func (b *Box) remove(s sealed) error {
	if err := os.Remove(b.item(s).path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (b *Box) item(s sealed) Item {
	id := b.id(s.n)
	return Item{ID: id, path: filepath.Join(b.dir, fmt.Sprintf("%s.%d", id, s.epoch))}
}

func (b *Box) id(n int64) string { return fmt.Sprintf("%s-%d", b.mark, n) }

// refusedPath is the file with a batch's refused records.
func (b *Box) refusedPath(n int64) string { return filepath.Join(b.dir, b.id(n)+refusedEnd) }

// Seal saves a batch so that it survives a power cut. It is delivered after the host has saved a
// later token. An empty payload is ignored.
func (b *Box) Seal(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	next := sealed{b.sealed + 1, b.epoch}
	if err := durable.Replace(b.item(next).path, payload, true); err != nil {
		return err
	}
	b.sealed++
	b.items = append(b.items, next)
	return nil
}

// maxTold bounds the records, in bytes, that one commit reports. The records of one batch are
// reported together.
const maxTold = 16 << 20

// Commit is the result of the sink's Commit: a token for all sealed batches, and [sdk.Rejects] if
// records of delivered batches were refused and no token has reported them.
func (b *Box) Commit() (sdk.Token, error) {
	var all sdk.Rejects
	size := 0
	for _, n := range b.refused {
		raw, err := os.ReadFile(b.refusedPath(n))
		if err != nil {
			return nil, err
		}
		if size += len(raw); len(all) > 0 && size > maxTold {
			break
		}
		var some sdk.Rejects
		if err := json.Unmarshal(raw, &some); err != nil {
			return nil, sdk.Permanent(fmt.Errorf("%s: %w", b.refusedPath(n), err))
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

// Told is the result of the sink's Finish after a Deliver: [sdk.ErrUntold] if records were refused
// and no saved token has reported them.
func (b *Box) Told() error {
	if len(b.refused) > 0 {
		return sdk.ErrUntold
	}
	return nil
}

// Kept records that the host has saved the last token. The sink calls it first in each method that
// the host calls after Commit.
func (b *Box) Kept() { b.kept, b.told = b.made, b.telling }

// Waiting returns how many batches are not confirmed.
func (b *Box) Waiting() int { return len(b.items) }

// Deliver calls send with each sealed batch that the saved token covers, in order, until one fails.
// nil confirms the batch, which is then removed. [sdk.Rejects] confirms it except for these
// records. After a kill, a confirmed batch may be sent again with the same id.
func (b *Box) Deliver(ctx context.Context, send func(context.Context, Item) error) error {
	for len(b.refused) > 0 && b.refused[0] <= b.told {
		if err := os.Remove(b.refusedPath(b.refused[0])); err != nil {
			return err
		}
		b.refused = b.refused[1:]
	}
	for len(b.items) > 0 && b.items[0].n <= b.kept {
		if err := ctx.Err(); err != nil {
			return err
		}
		it := b.item(b.items[0])
		err := send(ctx, it)
		var rejects sdk.Rejects
		if errors.As(err, &rejects) {
			err = b.refuse(b.items[0].n, rejects)
		}
		if err != nil {
			return fmt.Errorf("deliver batch %s: %w", it.ID, err)
		}
		if err := b.remove(b.items[0]); err != nil {
			return err
		}
		b.items = b.items[1:]
	}
	return nil
}

// refuse saves the refused records of the first batch.
func (b *Box) refuse(n int64, rejects sdk.Rejects) error {
	raw, err := json.Marshal(rejects)
	if err == nil {
		err = durable.Replace(b.refusedPath(n), raw, true)
	}
	if err == nil {
		b.refused = append(b.refused, n)
	}
	return err
}
