// The mutants: what is broken, and the test that must find it out.

package main

import "github.com/scrapekit/scrapekit/tools/internal/overlay"

// mutant is one thing that is broken.
type mutant struct {
	name  string
	edits []edit
	pkg   string   // whose tests find it out
	test  string   // the one that does
	env   []string // for that test
	linux bool     // the test needs ptrace
}

type edit = overlay.Edit

const (
	pipeline   = "core/internal/pipeline"
	checkpoint = "core/internal/checkpoint"
	jsonl      = "plugins/sinks/jsonl"
	httpSink   = "plugins/sinks/http"
	filesink   = "sdk/filesink"
	parquet    = "plugins/sinks/parquet"
	sqlsink    = "plugins/internal/sqlsink"
	fetch      = "core/internal/fetch"
	files      = "core/internal/files"
)

// fewSeeds is enough for what a simulation finds at once.
var fewSeeds = []string{"SCRAPEKIT_SEEDS=150"}

// simulated is a mutant that the simulation finds out.
func simulated(name string, edits ...edit) mutant {
	return mutant{name: name, edits: edits, pkg: pipeline, test: "TestSimulation", env: fewSeeds}
}

// guarantees are what "nothing lost, nothing twice" rests on.
var guarantees = []mutant{
	simulated("checkpoint before the sink's commit",
		edit{pipeline + "/deliver.go", `	held := d.held.Hold(`, `	if _, err := d.held.Commit(ctx, c); err != nil {
		return d.broke(storeFailure(err))
	}
	c = checkpoint.Commit{}
	held := d.held.Hold(`}),
	simulated("an error of a sink's write is ignored",
		edit{pipeline + "/push.go", `		if err := p.refused(s.stage.Name, b, err); err != nil {
			return err
		}
		p.delta.passed(s`, `		if len(rejects) == 0 {
			err = nil
		}
		if err := p.refused(s.stage.Name, b, err); err != nil {
			return err
		}
		p.delta.passed(s`}),
	{name: "an error of a sink's commit is ignored", pkg: pipeline, test: "TestCommitFailureKeepsNothing",
		edits: []edit{{pipeline + "/deliver.go", `				return at(stage, err)`,
			`				return nil`}}},
	simulated("a split is read again from a stale cursor",
		edit{pipeline + "/read.go", `	r.split = next
`, `	next.Cursor = r.split.Cursor
	r.split = next
`}),
	simulated("an older cursor is kept",
		edit{pipeline + "/deliver.go", `	d.pending[s.ID] = p
`, `	if _, older := d.pending[s.ID]; !older || s.Status != checkpoint.Open {
		d.pending[s.ID] = p
	}
`}),
	simulated("a commit does not wait for the groups on their way",
		edit{pipeline + "/deliver.go", `d.gate.lock(ctx, true)`, `d.gate.lock(ctx, false)`},
		edit{pipeline + "/deliver.go", `d.gate.unlock(true)`, `d.gate.unlock(false)`}),
	simulated("a sink is opened without its token",
		edit{pipeline + "/open.go", `Token: t.Token,`, `Token: nil,`}),
	simulated("a commit follows a failure of delivery",
		edit{pipeline + "/deliver.go", `	if d.failed == nil {
		d.failed = err
		d.fail(err)
	}
	return d.failed`, `	return err`}),
	simulated("half a group is delivered when its read fails",
		edit{pipeline + "/read.go", `		if crashed(err) {
			r.source.died(err)
		}
		return err`, `		if crashed(err) {
			r.source.died(err)
		}
		return errors.Join(err, w.Flush(), r.deliver(r.split.Cursor, checkpoint.Open, true))`}),
	simulated("counts of what was rolled back stay",
		edit{pipeline + "/seat.go", `	p.progress.restart(counts)`, `	_ = counts`}),
	{name: "a dead letter is dropped", pkg: pipeline, test: "TestRejectsBecomeDeadLettersOnce",
		edits: []edit{{pipeline + "/push.go", `	return at(lettersStage, p.Letters.Add(`, `	return nil
	return at(lettersStage, p.Letters.Add(`}}},
	{name: "a cursor that stands still is progress", pkg: pipeline, test: "TestTriesInVain",
		edits: []edit{{pipeline + "/trail.go", `	return newPlace || newRecords, nil`, `	return true, nil`}}},
	{name: "a read that goes round in circles has no end", pkg: pipeline, test: "TestReadsWithoutEnd",
		edits: []edit{{pipeline + "/trail.go", `	if repeats >= maxRepeats {`, `	if repeats < 0 {`}}},
	{name: "a read that finds nothing has no end", pkg: pipeline, test: "TestReadsWithoutEnd",
		edits: []edit{{pipeline + "/trail.go", `limit >= 0 && nothing >= limit {`, `limit >= 0 && nothing < 0 {`}}},
	{name: "a split that kills its source is free of blame for a cursor", pkg: pipeline, test: "TestDeathsInVain",
		edits: []edit{{pipeline + "/read.go", `	if further {
		r.progressed()
	}`, `	r.progressed()`}}},
	{name: "a commit in vain gives a sink its attempts anew", pkg: pipeline, test: "TestCommitsInVain",
		edits: []edit{{pipeline + "/gained.go", `	gain := g.ended`, `	gain := g.ended || len(g.places) > 0`}}},
	{name: "a wait has no bound", pkg: pipeline, test: "TestWaitsAreBounded",
		edits: []edit{{pipeline + "/retry.go", `	if asked > 0 && asked > t.maxWait`,
			`	if asked < 0 && asked > t.maxWait`}}},
	{name: "waits have no bound together", pkg: pipeline, test: "TestWaitsAreBounded",
		edits: []edit{{pipeline + "/retry.go", `asked > t.maxWait-now.Sub(t.since) {`, `asked > t.maxWait {`}}},
	{name: "planning is not tried again", pkg: pipeline, test: "TestPlanningIsTriedAgain",
		edits: []edit{{pipeline + "/retry.go", `		if over != nil {
			return sdk.Permanent(`, `		if over = err; over != nil {
			return sdk.Permanent(`}}},
	{name: "a database that restarts ends the run", pkg: pipeline, test: "TestOutageOfASink",
		edits: []edit{{pipeline + "/retry.go", `	if t.tries >= t.attempts && now.Sub(t.since) >= t.patience {`,
			`	if t.tries >= t.attempts {`}}},
	{name: "what is skipped is missing", pkg: pipeline, test: "TestSkippedSplits",
		edits: []edit{{pipeline + "/read.go", `	if errors.Is(err, sdk.ErrSkip) {`,
			`	if errors.Is(err, sdk.ErrSkip) && err == nil {`}}},
	{name: "what was skipped counts as read", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `"DELETE FROM splits WHERE status <> 'done'"`,
			`"DELETE FROM splits WHERE status = 'open'"`}}},
	{name: "records that are no JSON reach a sink", pkg: pipeline, test: "TestRecordsThatAreNoJSON",
		edits: []edit{{pipeline + "/read.go", `	if r.Source.Foreign {`,
			`	if r.Source.Foreign && b.Count == 0 {`}}},
	{name: "a transform's records that are no JSON reach a sink", pkg: pipeline, test: "TestRecordsThatAreNoJSON",
		edits: []edit{{pipeline + "/push.go", `		if t.stage.Foreign {`,
			`		if t.stage.Foreign && o.Count == 0 {`}}},
	{name: "a record with a field _op reaches a sink", pkg: pipeline, test: "TestRecordsThatWouldDelete",
		edits: []edit{{pipeline + "/wellformed.go", `	case s.reserved:`,
			`	case s.reserved && op == sdk.Delete:`}}},
	{name: "a field _op that is spelt otherwise reaches a sink", pkg: pipeline, test: "TestRecordsThatWouldDelete",
		edits: []edit{{pipeline + "/wellformed.go", `key[1] != '_' && key[1] != '\\'`, `key[1] != '_'`}}},
	{name: "a key of all records reaches a sink", pkg: pipeline, test: "TestRecordsThatWouldDelete",
		edits: []edit{{pipeline + "/wellformed.go", `op == sdk.Delete && !s.named`,
			`op == sdk.Delete && !s.named && s.at < 0`}}},
	{name: "a record with a field _op reaches a file", pkg: "sdk", test: "TestJSONLines",
		edits: []edit{{"sdk/jsonlines.go", `	case hasOp(record):`, `	case hasOp(record) && op == Delete:`}}},
	{name: "a page that repeats with the time of the request has no end", pkg: pipeline,
		test:  "TestPagesThatRepeatOtherwise",
		edits: []edit{{pipeline + "/trail.go", `		t.keys.add(g.keys)`, `		t.keys.add(g.hash)`}}},
	{name: "a Retry-After of many digits is ignored", pkg: fetch, test: "TestThrottlingHasItsOwnLimit",
		edits: []edit{{fetch + "/limits/statement.go", `	wait, ok := pause(value, p.unit, r.date)`,
			`	wait, _, ok := r.clock.wait(value, p.unit, r.date)`}}},
	{name: "a stage rejects what it was not given", pkg: pipeline, test: "TestRejectsOfNothing",
		edits: []edit{{pipeline + "/push.go", `	if err := ofBatch(b, rejects); err != nil {`,
			`	if err := ofBatch(b, rejects); err != nil && b.Count < 0 {`}}},
	{name: "reasons have no bound", pkg: pipeline, test: "TestCountsAreBounded",
		edits: []edit{{pipeline + "/counts.go", `!known && len(sums) >= most {`, `!known && most < 0 {`}}},
	{name: "settings go through float64", pkg: "sdk/host/settings", test: "TestDecodeConfigKeepsNumbers",
		edits: []edit{{"sdk/host/settings/number.go", `	dec.UseNumber()
`, ``}}},
	{name: "a whole number of the file may be too large", pkg: "core/internal/config", test: "TestNumbersOfTypes",
		edits: []edit{{"core/internal/config/settings.go", `!keyword.Fits(n, format):`,
			`!keyword.Fits(n, format[:0]):`}}},
	{name: "jsonl: nobody is told what is gone", pkg: filesink, test: "TestSaysWhatIsGone",
		edits: []edit{{filesink + "/restore.go", `	r.tellGone(ctx)
`, ``}}},
	{name: "dead letters are not cut back", pkg: "core/internal/deadletter", test: "TestLettersComeBackToTheirToken",
		edits: []edit{{"core/internal/deadletter/deadletter.go", `	return f.file.Truncate(f.size)`,
			`	return nil`}}},
	{name: "a split that is known is planned again", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `ON CONFLICT (id, run) DO NOTHING`,
			`ON CONFLICT (id, run) DO UPDATE SET status = 'open', cursor = NULL`}}},
	{name: "state: a split that is held is claimed again", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_seat.go", `q := Query{Status: Open, Free: true, After`,
			`q := Query{Status: Open, After`}}},
	{name: "state: what the dead held is given away before the sinks are open", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_seat.go", `		if sat.Epoch, err = raise(ctx, tx); err != nil {
			return err
		}`, `		if sat.Epoch, err = raise(ctx, tx); err != nil {
			return err
		}
		if err := (&sqliteHeld{seat: sat.N}).giveBack(ctx, tx); err != nil {
			return err
		}`}}},
	{name: "state: a run ends beside a seat that is not settled", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/rules.go", `			if !s.Settled {`,
			`			if !s.Settled && s.N < 0 {`}}},
	simulated("splits that are found while nobody has one are not read",
		edit{pipeline + "/queue.go", `	q.more = true
	q.changed()`, `	q.changed()`}),
	{name: "a split that is given up during a commit is forgotten", pkg: pipeline, test: "TestBrokenDuringACommit",
		edits: []edit{{pipeline + "/deliver.go", `	if err := d.gate.lock(d.ctx, false); err != nil {
		return d.broke(err)
	}
	defer d.gate.unlock(false)
	if err := d.failure(); err != nil {
		return err
	}
	d.mu.Lock()
	d.keep(now)`, `	d.mu.Lock()
	d.keep(now)`}}},
	{name: "state: the sums of splits are not kept", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_seat.go", `			now.Status, now.Records = p.Status, p.Records
			sums.Change(before, now)`, `			now.Status, now.Records = p.Status, p.Records`}}},
	{name: "state: a plan that broke off is kept", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `			if err != nil {
				return err
			}
			if err := planPage(`, `			if err := planPage(`}}},
	{name: "state: a run replaces splits of others", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `	if !full {
		which`, `	if !full && seq < 0 {
		which`}}},
	{name: "state: a run that is not finished is pruned", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_read.go",
			`"DELETE FROM runs WHERE seq <> "+unfinishedRun+" AND seq NOT IN`, `"DELETE FROM runs WHERE seq NOT IN`}}},
	{name: "memory: the collector runs for what lives", pkg: "sdk/serve", test: "TestMuchThatLives",
		edits: []edit{{"sdk/serve/memory.go", `want := max(memoryLimit, 2*live)`,
			`want := max(memoryLimit, live-live)`}}},
	{name: "a fenced host commits", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `WHERE id = ? AND epoch = ? AND epoch > 0"`,
			`WHERE id = ? AND ? > 0"`}}},
	{name: "the holder of before commits for a seat", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_seat.go", `seats.seat = ? AND seats.epoch = ?"`,
			`seats.seat = ? AND seats.epoch <= ?"`},
			{checkpoint + "/sqlite_seat.go", `h.run, h.seat, h.epoch).Scan`, `h.run, h.seat, h.epoch+1000).Scan`}}},
	{name: "a claim that was taken over commits", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_seat.go", `WHERE id = ? AND run = ? AND epoch = ? AND seat = ?`,
			`WHERE id = ? AND run = ? AND ? > 0 AND seat = ?`}}},
	{name: "a seat commits a split of another", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_seat.go", `WHERE id = ? AND run = ? AND epoch = ? AND seat = ?`,
			`WHERE id = ? AND run = ? AND epoch = ? AND seat >= ?`}}},
	{name: "a host that was taken over has its sinks commit", pkg: pipeline, test: "TestFencedRunDoesNoHarm",
		edits: []edit{{pipeline + "/deliver.go", `d.held.Hold(ctx, func(ctx context.Context) {`,
			`func(f func(context.Context)) error { f(ctx); return nil }(func(ctx context.Context) {`}}},
	{name: "a host that was taken over brings the sinks back", pkg: pipeline, test: "TestFencedRunDoesNoHarm",
		edits: []edit{{pipeline + "/open.go",
			`	if err := s.held.Hold(ctx, func(ctx context.Context) { opened = s.bringBack(ctx) }); err != nil {`,
			`	if opened = s.bringBack(ctx); opened != nil {`},
			{pipeline + "/open.go", `		return storeFailure(err)
	}
	if opened != nil {`, `		return storeFailure(opened)
	}
	if opened != nil {`}}},
	{name: "a run is taken over while its sinks are brought back", pkg: pipeline, test: "TestNobodyTakesOverMeanwhile",
		edits: []edit{{pipeline + "/open.go", `func(ctx context.Context) { opened = s.bringBack(ctx) }); err != nil {
		return storeFailure(err)
	}`, `func(context.Context) {}); err != nil {
		return storeFailure(err)
	}
	opened = s.bringBack(ctx)`}}},
	simulated("a seat's stages are opened with the epoch of the coordinator",
		edit{pipeline + "/open.go", `Epoch: s.info.Epoch,`, `Epoch: run.Epoch,`}),
	{name: "memory: one who was taken over commits when it wakes up", pkg: checkpoint, test: "TestMemory",
		edits: []edit{{checkpoint + "/memory.go", `if s == nil || s.epoch != h.epoch {`, `if s == nil {`}}},
	simulated("a seat's counts take the place of those of others",
		edit{checkpoint + "/stats.go", `sum[name] = saturated(so, n)`, `sum[name] = saturated(so-so, n)`}),
	simulated("a seat whose holder is gone is left as it is",
		edit{pipeline + "/coordinator.go", `			if o.Free {`, `			if o.Free && o.N < 0 {`},
		edit{pipeline + "/worker.go", `		if s.Free && !s.Settled {`,
			`		if s.Free && !s.Settled && s.N < 0 {`}),
	simulated("a split that others hold is claimed",
		edit{checkpoint + "/memory.go", `|| q.Free && s.Seat != AnySeat {`, `|| q.Free && s.Seat == h0 {`},
		edit{checkpoint + "/memory.go", `// page returns a page of splits.`, `const h0 = -7

// page returns the splits of a page.`}),
	simulated("the end of a run is told though a part is missing",
		edit{pipeline + "/coordinator.go", `	if res.Splits[checkpoint.Broken] > 0 || lacks(res.Counts) {`,
			`	if len(res.Splits) < 0 {`}),
	simulated("the end of a run is told to nobody",
		edit{pipeline + "/coordinator.go", `end: c.finishSinks}`, `end: nil}`}),
	{name: "a host that was taken over ends the run at its sinks", pkg: pipeline, test: "TestFencedRunFinishesNothing",
		edits: []edit{{pipeline + "/coordinator.go", `	if err := d.held.Hold(ctx, func(ctx context.Context) {`,
			`	if err := func(f func(context.Context)) error { f(ctx); return nil }(func(ctx context.Context) {`}}},
	{name: "state: a coordinator does not fence the seats of the one before", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `UPDATE holder SET epoch = 0; UPDATE seats SET epoch = 0`,
			`UPDATE holder SET epoch = 0`}}},
	{name: "state: two pipelines have one identity", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite_run.go", `VALUES (1, ?)", rand.Text())`,
			`VALUES (1, ?)", rand.Text()[:0])`}}},
	{name: "state: who holds a run keeps nobody away", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite.go", `"BEGIN IMMEDIATE"`, `"BEGIN"`}}},
	{name: "state: nobody waits for who holds it", pkg: checkpoint, test: "TestSQLite",
		edits: []edit{{checkpoint + "/sqlite.go", `_busy_timeout=5000`, `_busy_timeout=0`}}},
	{name: "state: a commit is not on the disk", pkg: checkpoint, test: "TestPowerCuts", linux: true,
		edits: []edit{{checkpoint + "/sqlite.go", `durable = "EXTRA"`, `durable = "OFF"`}}},
	{name: "disk: a file is in place before it is on the disk", pkg: "sdk/durable", test: "TestOutlasts", linux: true,
		edits: []edit{{"sdk/durable/durable.go", `		err = errors.Join(err, f.Sync())`, `		_ = f`}}},
	{name: "disk: no fsync of the folder", pkg: "sdk/durable", test: "TestOutlasts", linux: true,
		edits: []edit{{"sdk/durable/durable.go", `		return SyncDir(filepath.Dir(path))`, `		return nil`}}},
	{name: "outbox: a batch is not on the disk when its token is made", pkg: "sdk/outbox", test: "TestPowerCuts",
		linux: true,
		edits: []edit{{"sdk/outbox/outbox.go", `payload, true); err != nil {`, `payload, false); err != nil {`}}},
	{name: "outbox: a batch is delivered before its token is kept", pkg: "sdk/outbox", test: "TestOpen",
		edits: []edit{{"sdk/outbox/outbox.go", `b.items[0].n <= b.kept`, `b.items[0].n <= b.sealed`}}},
	{name: "outbox: what was sealed after the token is delivered", pkg: "sdk/outbox", test: "TestKills", linux: true,
		edits: []edit{{"sdk/outbox/outbox.go", `mark == b.mark && n <= b.sealed &&`, `mark == b.mark &&`}}},
	{name: "outbox: refused records are not on the disk when their batch goes", pkg: "sdk/outbox",
		test: "TestPowerCuts", linux: true,
		edits: []edit{{"sdk/outbox/outbox.go", `raw, true)`, `raw, false)`}}},
	{name: "outbox: refused records are told again after their token", pkg: "sdk/outbox", test: "TestToldIsDelivered",
		edits: []edit{{"sdk/outbox/outbox.go", `n <= b.sealed && n > b.told //`, `n <= b.sealed //`}}},
	{name: "outbox: a former instance overwrites batches", pkg: "sdk/outbox", test: "TestFormerInstance",
		edits: []edit{{"sdk/outbox/outbox.go", `	b.epoch = s.Epoch`, `	b.epoch = 0`}}},
	{name: "outbox: what was sealed after the token counts as kept", pkg: "sdk/outbox", test: "TestSealedAfterTheToken",
		edits: []edit{{"sdk/outbox/outbox.go", `b.kept, b.told = b.made, b.telling`,
			`b.kept, b.told = b.sealed, b.telling`}}},
	{name: "http: the key changes when a batch is sent again", pkg: httpSink, test: "TestLostReplies",
		edits: []edit{{httpSink + "/send.go", `req.Header.Set(s.KeyHeader, p.key)`,
			`req.Header.Set(s.KeyHeader, fmt.Sprintf("%s-%p", p.key, req))`}}},
	{name: "http: a request without a reply counts as delivered", pkg: httpSink, test: "TestLostReplies",
		edits: []edit{{httpSink + "/send.go",
			"exchange(req) //nolint:bodyclose // it is closed there\n\tif err != nil {\n\t\treturn nil, err",
			"exchange(req) //nolint:bodyclose // it is closed there\n\tif err != nil {\n\t\treturn nil, nil"}}},
	{name: "http: a refused record is not told", pkg: httpSink, test: "TestRefused",
		edits: []edit{{httpSink + "/send.go", `		all = append(all, rejects...)`, `		_ = rejects`}}},
	{name: "what a sink tells after the commit is counted after it", pkg: pipeline, test: "TestRefusedAfterACommit",
		edits: []edit{{pipeline + "/deliver.go", `	d.progress.counted(p.delta)`, `	_ = p.delta`}}},
	{name: "outbox: ids of an earlier beginning are given again", pkg: "sdk/outbox", test: "TestOpen",
		edits: []edit{{"sdk/outbox/outbox.go", `		b.mark, at = rand.Text(), token{} //`,
			`		b.mark, at = b.mark+rand.Text()[:0], token{} //`}}},
	{name: "two hosts run one pipeline", pkg: "core", test: "TestLock",
		edits: []edit{{"core/lock.go", `		if got {`, `		if got || name != "" {`}}},
	{name: "sql: a former instance commits", pkg: sqlsink, test: "TestSQLite/Fenced",
		edits: []edit{{sqlsink + "/state.go", `	if err == nil && held != int64(len(names)) {`,
			`	if err == nil && held < 0 {`}}},
	{name: "sql: the token is in another transaction", pkg: sqlsink, test: "TestSQLite/Fenced",
		edits: []edit{{sqlsink + "/sink.go", `	if err == nil {
		err = s.keep(ctx, x.tx, s.n+1)
	}
`, ""}, {sqlsink + "/sink.go", `	if err := x.tx.Commit(); err != nil {
		return err
	}
`, `	if err := x.tx.Commit(); err != nil {
		return err
	}
	if err := s.keep(ctx, s.conn, s.n+1); err != nil {
		return err
	}
`}}},
	{name: "sql: rows that no token stands for stay", pkg: "plugins/sinks/sqlite", test: "TestModes/append",
		edits: []edit{{sqlsink + "/state.go", `	return []string{from + " WHERE " + s.above(commitColumn, s.n)}
}`, `	return nil
}`}}},
	{name: "sql: replace after an incomplete run", pkg: sqlsink, test: "TestSQLite/Replace",
		edits: []edit{{sqlsink + "/table.go", `	if t.next != nil {
		return t.next
	}
`, ""}}},
	{name: "sql: mirror after an incremental run", pkg: sqlsink, test: "TestSQLite/Mirror",
		edits: []edit{{sqlsink + "/finish.go", `if !whole || done(t) {`, `if done(t) {`}}},
	{name: "sql: mirror removes what was rejected", pkg: sqlsink, test: "TestSQLite/Mirror",
		edits: []edit{{sqlsink + "/finish.go", `if s.rejected[t.name] || e.Rejected {`, `if s.rejected[t.name] {`}}},
	{name: "a sink is not told of rejected records", pkg: pipeline, test: "TestRejectedRecordsAreTold",
		edits: []edit{{pipeline + "/coordinator.go", `Rejected: c.rejected(res.Counts)`,
			`Rejected: c.rejected(res.Counts) && c.run.ID == ""`}}},
	{name: "jsonl: two sinks write one path", pkg: filesink, test: "TestOneWriter",
		edits: []edit{{filesink + "/journal.go", `	if err := lockWithin(ctx, j.out, patience); err != nil {`,
			`	if err := lockWithin(ctx, j.out, patience); err != nil && patience < 0 {`}}},
	{name: "s3: an object is complete before its token is kept", pkg: filesink, test: "TestRemoteWalk/rotated",
		edits: []edit{{filesink + "/remote.go", ` && s.files[f.path()].Size == f.Size`, ``}}},
	{name: "s3: a lost reply counts as a failure", pkg: filesink, test: "TestRemoteWalk",
		edits: []edit{{filesink + "/remote.go", ` && info.Owner == o.Owner && last:`,
			` && info.Owner == o.Key && last:`}}},
	{name: "parquet: a file of somebody else is replaced", pkg: parquet, test: "TestForeignFile",
		edits: []edit{{filesink + "/disk.go", `	if !fresh {`, `	if fresh {`}}},
	{name: "parquet: what does not fit is null", pkg: parquet, test: "TestRejects",
		edits: []edit{{parquet + "/record.go", `		return fmt.Errorf("a value does not fit: /%s: %w", t.columns[i].Name, err)
`, `		return nil
`}}},
	{name: "jsonl: files are not cut back", pkg: jsonl, test: "TestConformance/plain",
		edits: []edit{{filesink + "/restore.go", `errors.Join(f.Truncate(size), f.Sync(), f.Close())`,
			`errors.Join(f.Sync(), f.Close())`}}},
	{name: "jsonl: no fsync of the records", pkg: jsonl, test: "TestCrash/plain", linux: true,
		edits: []edit{{filesink + "/output.go", `	if err := o.out.Sync(); err != nil {
		return err
	}`, ``}}},
	{name: "jsonl: no fsync of the folder", pkg: jsonl, test: "TestCrash/plain", linux: true,
		edits: []edit{{filesink + "/files.go", `		if err := durable.SyncDir(dir); err != nil {
			return err
		}
		delete(`, `		_ = durable.SyncDir
		delete(`}}},
	{name: "jsonl: no fsync of the journal", pkg: jsonl, test: "TestCrash/plain", linux: true,
		edits: []edit{{filesink + "/journal.go", `	if err != nil {
		return err
	}
	return j.out.Sync()
}

// close`, `	return err
}

// close`}}},
	{name: "jsonl: a name that a killed process made is taken for durable", pkg: jsonl, test: "TestCrash/plain",
		linux: true,
		edits: []edit{{filesink + "/journal.go", `		err = durable.SyncDir(t.root) //`, `		_ = t.root //`}}},
	{name: "standard output: no fsync of a file", pkg: "core", test: "TestStdoutCrash", linux: true,
		edits: []edit{{"core/stdout.go", `return nil, s.file.Sync()`, `return nil, nil`}}},
	{name: "standard output: a record goes behind half a line", pkg: "core", test: "TestStdoutCrash", linux: true,
		edits: []edit{{"core/stdout.go", `!s.used && s.torn()`, `false`}}},
	{name: "store: a name that a killed process made is taken for durable", pkg: "core/internal/registry/store",
		test: "TestKilledThenPowerCut", linux: true,
		edits: []edit{{"core/internal/registry/store/draft.go", `d.store.Keep(digest), `, ``}}},
	{name: "store: a plugin is in place before it is on disk", pkg: "core/internal/registry/store",
		test: "TestPowerCuts", linux: true,
		edits: []edit{{"core/internal/registry/store/draft.go",
			`errors.Join(f.Sync(), f.Close(), os.Chmod(path, mode))`, `errors.Join(f.Close(), os.Chmod(path, mode))`}}},
	{name: "fetch: a POST is sent twice", pkg: fetch, test: "TestOnlyIdempotentIsRepeated",
		edits: []edit{{fetch + "/retry/retry.go", `	if hint.Idempotent(t.req) {`,
			`	if hint.Idempotent(t.req) || t.req.Method == "POST" {`}}},
	{name: "fetch: Retry-After holds for one request alone", pkg: fetch, test: "TestPauseHoldsForAll",
		edits: []edit{{fetch + "/ratelimit/hosts.go",
			`	return l.limiter.Penalize(context.WithoutCancel(ctx), l.key, d)`, `	return nil`}}},
	{name: "fetch: a 403 with Retry-After is a failure", pkg: fetch, test: "TestRefusals",
		edits: []edit{{fetch + "/limits/statement.go", `	case s.Wait > 0 && !usual:`,
			`	case s.Wait > 0 && !usual && status == 503:`}}},
	{name: "fetch: a reply that the plugin calls a refusal is none", pkg: fetch, test: "TestRefusals",
		edits: []edit{{fetch + "/ratelimit/weighed.go", `		case class.Throttled:`,
			`		case class.Throttled && class.Status == 429:`}}},
	{name: "fetch: a budget that is used up is asked on", pkg: fetch, test: "TestAPIs",
		edits: []edit{{fetch + "/pace/pace.go", `	case left > 0:`, `	case left > 0 && status == 429:`}}},
	{name: "fetch: one endpoint's refusal holds for the whole host", pkg: fetch, test: "TestBuckets",
		edits: []edit{{fetch + "/ratelimit/buckets.go", `	case w.Refused && w.Reach == limits.Endpoint:`,
			`	case w.Refused && w.Reach == limits.Endpoint && w.Crowd:`}}},
	{name: "fetch: processes do not see each other's pauses", pkg: fetch, test: "TestPauseHoldsForBothProcesses",
		edits: []edit{{fetch + "/machine/limiter.go", `			at.until, at.by = until, s.id`,
			`			at.by = s.id`}}},
	{name: "fetch: half a reply is taken for a whole one", pkg: fetch, test: "TestRetriedFailures",
		edits: []edit{{fetch + "/body/whole.go", `	err = errors.Join(b.Fill(limited), decoded.Close())`,
			`	_ = b.Fill(limited)
	err = decoded.Close()`}}},
	{name: "fetch: a plugin asks a host that is not allowed", pkg: fetch, test: "TestAllowList",
		edits: []edit{{fetch + "/allow/allow.go", `	if !origin.Covered(p.Allow, to) {`,
			`	if !origin.Covered(p.Allow, to) && p.Allow == nil {`}}},
	{name: "fetch: a body that is no gzip is taken for one that was cut", pkg: fetch, test: "TestUnknownEncodings",
		edits: []edit{{fetch + "/body/whole.go", `	case errors.As(err, &other):`,
			`	case errors.As(err, &other) && other == nil:`}}},
	{name: "files: whatever came is kept", pkg: files, test: "TestAnotherFile",
		edits: []edit{{files + "/keeper.go", `	body, err := expected(expect, resp)`,
			`	body, err := expected(reply.Expect{}, resp)`}}},
	{name: "files: what was kept wrongly stays", pkg: files, test: "TestAnotherFileThatWasKept",
		edits: []edit{{files + "/keeper.go", `ok && sized(expect, file.Size) {`, `ok {`}}},
	{name: "sdk: a reply without what was asked for is an empty one", pkg: "sdk/reply", test: "TestRequired",
		edits: []edit{{"sdk/reply/decode.go", `		case !there && f.Tag.Get("required") == "true":`,
			`		case !there && f.Tag.Get("required") == "true" && at == "-":`}}},
	{name: "report: a run that lacks parts is complete", pkg: "core", test: "TestWhatIsLeftOut",
		edits: []edit{{"core/report.go", `	if len(out.Missing) > 0 && out.Outcome == Complete {`,
			`	if len(out.Missing) < 0 {`}}},
	{name: "jira: a reply without the list is an empty page", pkg: jira, test: "TestEveryPlaceReadsWhatWasAskedFor",
		edits: []edit{{jira + "/internal/rest/elements.go", `		case err == nil && !found:`,
			`		case err == nil && !found && name == "":`}}},
	{name: "jira: what an issue lacked is not asked for again", pkg: jira, test: "TestOnePartThatStaysBad",
		edits: []edit{{jira + "/plan.go", `	splits = append(splits, againSplits(base, previous, counted)...)`,
			`	_ = againSplits(base, previous, counted)`}}},
	{name: "jira: one bad file fails its project", pkg: jira, test: "TestFileThatCannotBeHad",
		edits: []edit{{jira + "/keepfiles.go", `	if !errors.As(err, &none) {`,
			`	if !errors.As(err, &none) || none.Status >= 500 {`}}},
	{name: "jira: a server in trouble counts as a bad part", pkg: jira, test: "TestServerInTroubleIsNoBadPart",
		edits: []edit{{jira + "/internal/rest/other.go", `	return c.Working(ctx) == nil`, `	return true`}}},
	{name: "jira: refused credentials read as anybody", pkg: jira, test: "TestCredentialsThatAreRefused",
		edits: []edit{{jira + "/internal/rest/refused.go", `	return c.Accepted(ctx)
}`, `	return nil
}`}}},
}
