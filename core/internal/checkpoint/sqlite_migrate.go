// Migration of a state file from an earlier version.

package checkpoint

import (
	"context"
	"database/sql"
	"fmt"
)

// fromFirst converts the runs and splits of version 1, which had a table for previous splits and no
// sums.
const fromFirst = `
ALTER TABLE runs ADD COLUMN gaps INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET gaps = 1 WHERE instr(CAST(report AS TEXT), '"missing/') > 0;
ALTER TABLE runs DROP COLUMN report;
ALTER TABLE runs ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET stats = NULL WHERE outcome IN ('complete', 'abandoned');
ALTER TABLE splits RENAME TO splits_1;
` + schemaOfSplits + `
INSERT INTO splits (run, id, stream, data, cursor, estimate, status)
	SELECT 0, id, stream, data, cursor, estimate, 'done' FROM previous ORDER BY id;
UPDATE runs SET base = coalesce((SELECT max(seq) FROM splits), 0) WHERE seq = (SELECT max(seq) FROM runs);
INSERT INTO splits (run, id, stream, data, cursor, estimate, epoch, status, records, problem)
	SELECT run, id, stream, data, cursor, estimate, epoch, status, records, problem FROM splits_1 ORDER BY seq;
DROP TABLE splits_1;
DROP TABLE previous;
`

// fromSecond converts the splits of version 2, which had one seat without a number.
const fromSecond = `
ALTER TABLE splits ADD COLUMN seat INTEGER;
` + indexesOfSeats

// withSeats makes the seats for both: seat 0 did all work, and is unsettled if a run was killed. It
// fences a running process of the former version, which knows no seats and sums.
const withSeats = `
UPDATE holder SET epoch = 0;
ALTER TABLE tokens RENAME TO tokens_1;
` + schemaOfSeats + `
INSERT INTO tokens (stage, seat, run, token) SELECT stage, 0, run, token FROM tokens_1;
INSERT INTO seats (seat, epoch, until, settled)
	SELECT 0, 0, 0, count(*) = 0 FROM runs WHERE seq = ` + unfinishedRun + `;
DROP TABLE tokens_1;
`

// migrate converts the tables to this version, unless another process was faster.
func migrate(ctx context.Context, tx *sql.Conn) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version == schemaVersion {
		return err
	}
	if version == 1 {
		if err := migrateFirst(ctx, tx); err != nil {
			return err
		}
	} else if _, err := tx.ExecContext(ctx, fromSecond); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, withSeats+fmt.Sprintf("PRAGMA user_version=%d", schemaVersion))
	return err
}

func migrateFirst(ctx context.Context, tx *sql.Conn) error {
	if _, err := tx.ExecContext(ctx, fromFirst); err != nil {
		return err
	}
	sums, err := recount(ctx, tx)
	if err != nil {
		return err
	}
	return storeSums(ctx, tx, nil, sums)
}

// recount computes the sums over the splits of the unfinished run.
func recount(ctx context.Context, tx *sql.Conn) (sums Sums, err error) {
	_, err = collect(ctx, tx, func(row scanner) (struct{}, error) {
		s, err := scanCounted(row)
		sums.Add(s)
		return struct{}{}, err
	}, "SELECT "+countedColumns+" FROM splits WHERE run = "+unfinishedRun+" ORDER BY seq")
	return sums, err
}
