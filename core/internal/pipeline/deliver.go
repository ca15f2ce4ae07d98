// delivery: passes groups through transforms to sinks, and commits between groups.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// delivery is shared by all readers of a seat.
type delivery struct {
	*seat
	queue   *queue
	gained  gained
	drained bool // everything delivered is committed, and nothing more comes

	ctx  context.Context // context of calls to transforms and sinks; cancelled when delivery fails
	fail context.CancelCauseFunc

	gate *sharedLock // groups enter shared, a commit enters alone (I2)

	mu           sync.Mutex
	failed       error
	limit        error                          // set when a stage exceeds its limit of rejected records
	pending      map[string]checkpoint.Progress // splits that changed since the last commit
	added        []sdk.Split                    // splits that were added since the last commit
	pendingBytes int                            // approximate bytes of pending and added
	found        int                            // number of splits that commits have added
	lateRefusals int                            // records that sinks refused after they accepted them
	// begun is set when the stages have tokens of this run. Until then, even an empty commit is
	// made.
	begun bool
	bytes int64
	due   chan struct{} // signals a commit before its time
}

func newDelivery(ctx context.Context, s *seat, fail context.CancelCauseFunc) *delivery {
	return &delivery{
		seat: s, queue: newQueue(s.held.Claim, s.ClaimAtOnce), ctx: ctx, fail: fail, gate: newSharedLock(),
		pending: map[string]checkpoint.Progress{}, due: make(chan struct{}, 1),
		begun: s.info.Tokens[lettersStage].Run == s.info.Run.ID,
	}
}

// group passes a group through every stage, then records the progress of its split from before to
// now. If it fails, this holder delivers nothing more (I1).
func (d *delivery) group(before, now checkpoint.Split, g *group) error {
	if err := d.gate.lock(d.ctx, false); err != nil {
		return d.broke(err)
	}
	defer d.gate.unlock(false)
	if err := d.failure(); err != nil {
		return err
	}
	push := &push{seat: d.seat, ctx: d.ctx, split: now.ID, delta: newCounts()}
	if err := push.group(g); err != nil {
		return d.broke(err)
	}
	d.Step("group delivered")
	d.accept(before, now, g, push.delta)
	return nil
}

// maxPendingBytes bounds the memory for changed and added splits, in bytes. Beyond it a commit is
// due.
const maxPendingBytes = 2 << 20

// accept records a delivered group for the next commit. The caller holds the gate.
func (d *delivery) accept(before, now checkpoint.Split, g *group, delta Counts) {
	delta.Groups = 1
	d.mu.Lock()
	d.keep(now)
	d.added = append(d.added, g.splits...)
	for _, s := range g.splits {
		d.pendingBytes += entrySize + len(s.ID) + len(s.Data)
	}
	d.bytes += g.bytes
	due := d.CommitBytes > 0 && d.bytes >= d.CommitBytes || d.pendingBytes >= maxPendingBytes
	d.mu.Unlock()
	d.progress.delivered(before, now, delta)
	d.checkLimits()
	if now.Status == checkpoint.Done {
		d.Listeners.Tell(observe.SplitDone{Split: now.ID, Stream: now.Stream, Records: now.Records})
	}
	if due || d.overLimit() != nil {
		d.commitSoon()
	}
}

// entrySize is the approximate size of an entry without its texts, including its copy in the
// commit.
const entrySize = 400

// keep records the progress of a split. The caller holds d.mu.
func (d *delivery) keep(s checkpoint.Split) {
	if older, ok := d.pending[s.ID]; ok {
		d.pendingBytes -= sizeOf(older)
	}
	p := checkpoint.Progress{
		ID: s.ID, Epoch: s.Epoch, Cursor: s.Cursor, Status: s.Status, Records: s.Records, Problem: s.Problem,
	}
	d.pending[s.ID] = p
	d.pendingBytes += sizeOf(p)
}

func sizeOf(p checkpoint.Progress) int {
	return entrySize + len(p.ID) + len(p.Cursor) + len(p.Problem)
}

func (d *delivery) commitSoon() {
	select {
	case d.due <- struct{}{}:
	default:
	}
}

// giveUp records that a split cannot be read. It enters the gate like a group: between collecting a
// commit and its transaction, the commit would forget the change as committed.
func (d *delivery) giveUp(before, now checkpoint.Split) error {
	if err := d.gate.lock(d.ctx, false); err != nil {
		return d.broke(err)
	}
	defer d.gate.unlock(false)
	if err := d.failure(); err != nil {
		return err
	}
	d.mu.Lock()
	d.keep(now)
	due := d.pendingBytes >= maxPendingBytes
	d.mu.Unlock()
	d.progress.delivered(before, now, newCounts())
	if due {
		d.commitSoon()
	}
	return nil
}

// broke keeps the first failure: no later group passes and nothing more is committed (I4).
func (d *delivery) broke(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.failed = err
		d.fail(err)
	}
	return d.failed
}

func (d *delivery) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// overLimit returns the error of exceeding a limit of rejected records, or nil.
func (d *delivery) overLimit() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.limit
}

// checkLimits checks whether a stage has exceeded its limit of rejected records. The group that
// exceeds it is still delivered and committed, so that its dead letters can be inspected.
func (d *delivery) checkLimits() {
	limits := map[string]int64{d.Source.Name: d.Source.MaxRejects}
	for _, t := range d.Transforms {
		limits[t.Name] = t.MaxRejects
	}
	for _, s := range d.Sinks {
		limits[s.Name] = s.MaxRejects
	}
	stage, n := d.progress.overLimit(limits)
	if stage == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limit == nil {
		d.limit = sdk.Permanent(&StageError{Stage: stage, Err: fmt.Errorf(
			"%d records rejected, on_error.max_rejects is %d: look at the dead letters, then raise the limit or "+
				"start over",
			n, limits[stage])})
	}
}

// commitEvery is the default of Config.CommitEvery.
const commitEvery = 5 * time.Second

// commitLoop commits periodically until stop is closed. A failure ends the work on the seat.
func (d *delivery) commitLoop(ctx context.Context, stop <-chan struct{}) error {
	every := d.CommitEvery
	if every <= 0 {
		every = commitEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-d.due:
		}
		if err := d.commit(ctx); err != nil {
			return err
		}
		if err := d.overLimit(); err != nil {
			return d.broke(err)
		}
	}
}

// commit makes everything delivered so far durable: first the sinks, then the transaction of the
// store (I3).
func (d *delivery) commit(ctx context.Context) error { return d.commitEven(ctx, false) }

// commitEven is commit. With forced it commits even if nothing is pending, because a stage has
// rejects to report.
func (d *delivery) commitEven(ctx context.Context, forced bool) error {
	if err := d.gate.lock(ctx, true); err != nil {
		return d.broke(err)
	}
	defer d.gate.unlock(true)
	if err := d.failure(); err != nil {
		return err
	}
	began := time.Now()
	c := d.collect()
	if len(c.Splits) == 0 && d.begun && !forced {
		return nil
	}
	// Hold the seat: this process may have been stopped for a long time, and what a sink makes
	// durable stays even if the store refuses the commit. Nobody can take the seat meanwhile.
	d.Step("collected")
	var err error
	held := d.held.Hold(ctx, func(ctx context.Context) {
		d.Step("committing")
		c.Tokens, err = d.tokens(ctx)
	})
	if held != nil {
		return d.broke(storeFailure(held))
	}
	if err == nil {
		c.Stats, err = d.progress.uncommitted().marshal() // what the sinks have just told too
	}
	if err != nil {
		return d.broke(err)
	}
	d.checkLimits()
	d.Step("tokens taken")
	// The sinks are durable now, so the transaction follows even if a plugin kept a stopped run
	// from draining in time.
	added, err := d.held.Commit(context.WithoutCancel(ctx), c)
	if err != nil {
		return d.broke(storeFailure(err))
	}
	d.Step("committed")
	d.committed(c, added, began)
	return nil
}

// collect makes a commit of the pending splits. tokens adds the counts since the last one (I5).
func (d *delivery) collect() (c checkpoint.Commit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.New = d.added
	for _, p := range d.pending {
		c.Splits = append(c.Splits, p)
	}
	return c
}

// tokens commits every stage that keeps something, and returns the tokens. The dead letters come
// last, because sinks may add some.
func (d *delivery) tokens(ctx context.Context) (map[string]sdk.Token, error) {
	var mu sync.Mutex
	out := map[string]sdk.Token{}
	g, gctx := errgroup.WithContext(ctx)
	take := func(stage string, commit func(context.Context) (sdk.Token, error)) {
		g.Go(func() error {
			token, err := commit(gctx)
			if err == nil {
				err = token.Validate()
			}
			if err != nil {
				return at(stage, err)
			}
			mu.Lock()
			out[stage] = token
			mu.Unlock()
			return nil
		})
	}
	for _, t := range d.transforms {
		if t.can.Commit != nil {
			take(t.stage.Name, t.can.Commit)
		}
	}
	for _, s := range d.sinks {
		take(s.stage.Name, func(ctx context.Context) (sdk.Token, error) {
			token, err := s.instance.Plugin.Commit(ctx)
			var late sdk.Rejects
			if errors.As(err, &late) {
				err = d.late(s.stage.Name, late)
			}
			return token, err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	take(lettersStage, func(context.Context) (sdk.Token, error) { return d.Letters.Commit() })
	return out, g.Wait()
}

// late makes dead letters of records that the remote system refused after the sink had accepted
// them. Their splits are unknown by then.
func (d *delivery) late(stage string, rejects sdk.Rejects) error {
	if took := d.progress.out(stage); took < int64(len(rejects)) {
		return sdk.Permanent(fmt.Errorf("the plugin tells of %d records that were refused, and took %d",
			len(rejects), took))
	}
	p := &push{seat: d.seat, delta: newCounts()}
	for _, r := range rejects {
		if err := p.reject(stage, r); err != nil {
			return err
		}
		p.delta.passed(stage, r.Stream, -1, 0)
	}
	d.progress.counted(p.delta)
	d.mu.Lock()
	d.lateRefusals += len(rejects)
	d.mu.Unlock()
	return nil
}

// awaitRefusals commits, so that a sink can report refused records at the end of the run. It fails
// if the sink reports none.
func (d *delivery) awaitRefusals(ctx context.Context) error {
	before := d.lateRefusals
	if err := d.commitEven(ctx, true); err != nil {
		return err
	}
	if d.lateRefusals == before {
		return sdk.Permanent(errors.New("a sink asked for a commit to tell of refused records, and told of none"))
	}
	return d.overLimit()
}

// committed removes what was committed from the book, and releases added splits for reading.
func (d *delivery) committed(c checkpoint.Commit, added []sdk.Split, began time.Time) {
	d.mu.Lock()
	clear(d.pending)
	d.added = nil
	d.bytes, d.pendingBytes = 0, 0
	d.mu.Unlock()
	d.gained.commit(c.Splits)
	d.begun = true
	d.progress.commit()
	d.Listeners.Tell(observe.Committed{Seat: d.info.N, Splits: len(c.Splits), Took: time.Since(began)})
	if len(added) > 0 {
		d.progress.add(added)
		d.queue.added()
		d.mu.Lock()
		d.found += len(added)
		d.mu.Unlock()
	}
}

// knows returns the number of splits that commits have added so far.
func (d *delivery) knows() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.found
}
