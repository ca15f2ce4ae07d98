package checkpoint_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// first makes the tables of version 1, with one complete run and one that was killed.
const first = `
PRAGMA application_id=0x73637270; PRAGMA user_version=1; PRAGMA journal_mode=WAL;
CREATE TABLE holder (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, last INTEGER NOT NULL);
INSERT INTO holder VALUES (1, 4, 4);
CREATE TABLE runs (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '',
	outcome TEXT NOT NULL, full INTEGER NOT NULL, planned INTEGER NOT NULL DEFAULT 0, starts INTEGER NOT NULL DEFAULT 1,
	stats BLOB, report BLOB, counts TEXT NOT NULL DEFAULT ''
);
CREATE TABLE splits (
	seq INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE, id TEXT NOT NULL, stream TEXT NOT NULL, data BLOB, cursor BLOB,
	estimate INTEGER NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT 'open', records INTEGER NOT NULL DEFAULT 0,
	problem TEXT NOT NULL DEFAULT '', UNIQUE (run, id)
);
CREATE TABLE previous (id TEXT PRIMARY KEY, stream TEXT NOT NULL, data BLOB, cursor BLOB, estimate INTEGER NOT NULL);
CREATE TABLE tokens (stage TEXT PRIMARY KEY, run TEXT NOT NULL, token BLOB);
INSERT INTO runs VALUES (1, 'r1', 'print', '2026-03-01T12:00:00Z', '2026-03-01T12:01:00Z', 'complete', 0, 1, 1, x'7b226e223a317d', x'7b226e223a317d', '{"done":2}');
INSERT INTO previous VALUES ('b', 'issues', NULL, x'6231', 0), ('a', 'issues', x'', x'6131', 5);
INSERT INTO tokens VALUES ('sink', 'r1', x'7431');
`

const firstUnfinished = `
INSERT INTO runs VALUES (2, 'r2', 'print', '2026-03-02T12:00:00Z', '', 'running', 0, 1, 1, x'7b226e223a317d', NULL, '');
INSERT INTO splits VALUES
	(1, 2, 'c', 'issues', x'7b7d', x'6331', 0, 2, 'done', 9, ''),
	(2, 2, 'a', 'issues', NULL, x'6132', 5, 1, 'open', 3, ''),
	(5, 2, 'd', 'users', NULL, NULL, 0, 1, 'broken', 0, 'why');
`

// second makes the tables of version 2, and secondUnfinished fills them alike.
const second = `
PRAGMA application_id=0x73637270; PRAGMA user_version=2; PRAGMA journal_mode=WAL;
CREATE TABLE holder (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, last INTEGER NOT NULL);
INSERT INTO holder VALUES (1, 4, 4);
CREATE TABLE runs (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, fingerprint TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '',
	outcome TEXT NOT NULL, full INTEGER NOT NULL, planned INTEGER NOT NULL DEFAULT 0, starts INTEGER NOT NULL DEFAULT 1,
	stats BLOB, counts TEXT NOT NULL DEFAULT '', gaps INTEGER NOT NULL DEFAULT 0, base INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tokens (stage TEXT PRIMARY KEY, run TEXT NOT NULL, token BLOB);
CREATE TABLE splits (
	seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, id TEXT NOT NULL, stream TEXT NOT NULL, data BLOB, cursor BLOB,
	estimate INTEGER NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT 'open', records INTEGER NOT NULL DEFAULT 0,
	problem TEXT NOT NULL DEFAULT '', UNIQUE (id, run)
);
CREATE INDEX splits_left ON splits (status, seq) WHERE status <> 'done';
CREATE TABLE sums (
	place INTEGER PRIMARY KEY, stream TEXT NOT NULL, open INTEGER NOT NULL, done INTEGER NOT NULL, broken INTEGER NOT NULL, records INTEGER NOT NULL,
	expected INTEGER NOT NULL, skipped INTEGER NOT NULL, unknown INTEGER NOT NULL
);
INSERT INTO runs VALUES (1, 'r1', 'print', '2026-03-01T12:00:00Z', '2026-03-01T12:01:00Z', 'complete', 0, 1, 1, NULL, '{"done":2}', 0, 0);
INSERT INTO splits VALUES
	(1, 1, 'a', 'issues', x'', x'6131', 5, 1, 'done', 5, ''),
	(2, 1, 'b', 'issues', NULL, x'6231', 0, 1, 'done', 2, '');
INSERT INTO tokens VALUES ('sink', 'r1', x'7431');
`

const secondUnfinished = `
INSERT INTO runs VALUES (2, 'r2', 'print', '2026-03-02T12:00:00Z', '', 'running', 0, 1, 1, x'7b226e223a317d', '', 0, 2);
INSERT INTO splits VALUES
	(3, 2, 'c', 'issues', x'7b7d', x'6331', 0, 2, 'done', 9, ''),
	(4, 2, 'a', 'issues', NULL, x'6132', 5, 1, 'open', 3, ''),
	(7, 2, 'd', 'users', NULL, NULL, 0, 1, 'broken', 0, 'why');
INSERT INTO sums VALUES (0, 'issues', 1, 1, 0, 12, 14, 0, 0), (1, 'users', 0, 0, 1, 0, 0, 0, 1);
`

// TestFilesOfVersionsBefore: what was kept is kept, and whoever holds the run with a version before
// is fenced.
func TestFilesOfVersionsBefore(t *testing.T) {
	t.Parallel()
	for _, unfinished := range []bool{false, true} {
		for version, made := range map[int][2]string{1: {first, firstUnfinished}, 2: {second, secondUnfinished}} {
			t.Run(fmt.Sprintf("%d, unfinished %t", version, unfinished), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "state.db")
				change(t, path, made[0])
				if unfinished {
					change(t, path, made[1])
				}
				goesOn(t, path, unfinished)
			})
		}
	}
}

func goesOn(t *testing.T, path string, unfinished bool) {
	t.Helper()
	s := openSQLite(t, path)
	defer func() { must(s.Close()) }()
	previous, err := checkpoint.All(checkpoint.EachPrevious(t.Context(), s))
	want := []sdk.Split{{ID: "a", Stream: "issues", Data: []byte{}, Cursor: []byte("a1"), Estimate: 5},
		{ID: "b", Stream: "issues", Cursor: []byte("b1")}}
	if err != nil || !reflect.DeepEqual(previous, want) {
		t.Errorf("previous: %+v, %v", previous, err)
	}
	tokens, err := tokensOf(t.Context(), s)
	if err != nil || string(tokens["sink"].Token) != "t1" {
		t.Errorf("tokens: %v, %v", tokens, err)
	}
	if _, _, err := s.Join(t.Context(), checkpoint.Run{ID: "r2", Epoch: 4}, 0); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("the holder of before: %v", err)
	}
	runs, err := s.Runs(t.Context(), 5)
	if err != nil || runs[len(runs)-1].Splits[checkpoint.Done] != 2 {
		t.Errorf("runs: %+v, %v", runs, err)
	}
	run, err := begin(t.Context(), s, checkpoint.Begin{ID: "r", Now: time.Now(), Fingerprint: "print"})
	if err != nil || run.Resumed != unfinished {
		t.Fatalf("run: %+v, %v", run, err)
	}
	end := []string{"a=a1", "b=b1", "x=x1"}
	if unfinished {
		end = []string{"a=a9", "b=b1", "c=c1", "d=d9"}
		unfinishedOfBefore(t, s, run)
	} else {
		must(plan(t.Context(), run, []sdk.Split{{ID: "x", Stream: "issues"}}))
		x, err := claimFirst(t.Context(), run)
		must(err)
		must(commit(t.Context(), run, checkpoint.Commit{Splits: []checkpoint.Progress{{ID: "x", Epoch: x.Epoch,
			Cursor: []byte("x1"), Status: checkpoint.Done}}}))
	}
	must(run.Leave(t.Context()))
	must(run.Finish(t.Context(), checkpoint.Complete, checkpoint.End{Now: time.Now()}))
	previous, err = checkpoint.All(checkpoint.EachPrevious(t.Context(), s))
	var got []string
	for _, p := range previous {
		got = append(got, fmt.Sprintf("%s=%s", p.ID, p.Cursor))
	}
	if err != nil || !reflect.DeepEqual(got, end) {
		t.Errorf("previous at the end: %v, %v", got, err)
	}
}

// unfinishedOfBefore looks at the run that was killed, and reads its splits to their end.
func unfinishedOfBefore(t *testing.T, s *checkpoint.SQLite, run sitting) {
	t.Helper()
	if string(run.Stats) != `{"n":1}` || !run.Planned {
		t.Errorf("run: %+v", run)
	}
	sums, err := s.Sums(t.Context(), run.ID)
	want := checkpoint.Sums{{Stream: "issues", Open: 1, Done: 1, Records: 12, Expected: 14},
		{Stream: "users", Open: 1, Unknown: 1}}
	if err != nil || !reflect.DeepEqual(sums, want) {
		t.Errorf("sums: %+v, %v", sums, err)
	}
	page, err := run.Claim(t.Context(), 5)
	if err != nil || len(page) != 2 || page[0].ID != "a" || page[0].Records != 3 || page[0].Epoch != 2 ||
		page[1].ID != "d" {
		t.Fatalf("claimed: %+v, %v", page, err)
	}
	var c checkpoint.Commit
	for _, p := range page {
		c.Splits = append(c.Splits, checkpoint.Progress{ID: p.ID, Epoch: p.Epoch, Cursor: []byte(p.ID + "9"),
			Status: checkpoint.Done})
	}
	must(commit(t.Context(), run, c))
}
