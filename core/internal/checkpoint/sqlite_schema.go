// The tables of the state file, and the check of its format.

package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const (
	applicationID = 0x73637270 // "scrp": SQLite stores it in the file's header
	schemaVersion = 3
	// checkBelow is the size in pages up to which opening checks the whole file, which takes a few
	// milliseconds. In a larger file, damage is found when its page is read.
	checkBelow = 512
)

// The splits with the number of the unfinished run, which is the newest, are its splits. All others
// are previous splits, with unique ids. So the splits of a run that becomes complete need no
// copying.
const schema = `
CREATE TABLE holder (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	epoch INTEGER NOT NULL, -- of the coordinator; 0: there is none
	last  INTEGER NOT NULL  -- the highest epoch ever given
);
INSERT INTO holder VALUES (1, 0, 0);
CREATE TABLE runs (
	seq         INTEGER PRIMARY KEY AUTOINCREMENT,
	id          TEXT NOT NULL UNIQUE,
	fingerprint TEXT NOT NULL,
	started     TEXT NOT NULL,
	ended       TEXT NOT NULL DEFAULT '',
	outcome     TEXT NOT NULL,
	full        INTEGER NOT NULL,
	planned     INTEGER NOT NULL DEFAULT 0,
	starts      INTEGER NOT NULL DEFAULT 1,
	stats       BLOB,             -- of the unfinished run
	counts      TEXT NOT NULL DEFAULT '', -- of its splits by status, as JSON, once nobody goes on with it
	gaps        INTEGER NOT NULL DEFAULT 0, -- the source has gone on without parts
	base        INTEGER NOT NULL DEFAULT 0 -- the place behind which its splits are
);
` + schemaOfSeats + schemaOfSplits

const schemaOfSeats = `
CREATE TABLE seats (
	seat    INTEGER PRIMARY KEY,
	epoch   INTEGER NOT NULL, -- of its holder; 0: nobody holds it
	until   INTEGER NOT NULL, -- when its lease runs out, in milliseconds of the Unix clock
	settled INTEGER NOT NULL
);
CREATE TABLE tokens (
	stage TEXT NOT NULL,
	seat  INTEGER NOT NULL,
	run   TEXT NOT NULL,
	token BLOB,
	PRIMARY KEY (stage, seat)
);
`

const schemaOfSplits = `
CREATE TABLE splits (
	seq      INTEGER PRIMARY KEY,
	run      INTEGER NOT NULL,
	id       TEXT NOT NULL,
	stream   TEXT NOT NULL,
	data     BLOB,
	cursor   BLOB,
	estimate INTEGER NOT NULL,
	epoch    INTEGER NOT NULL DEFAULT 0,
	status   TEXT NOT NULL DEFAULT 'open',
	records  INTEGER NOT NULL DEFAULT 0,
	problem  TEXT NOT NULL DEFAULT '',
	seat     INTEGER, -- that holds it; NULL: none does
	UNIQUE (id, run)
);
CREATE INDEX splits_left ON splits (status, seq) WHERE status <> 'done';
` + indexesOfSeats + `
CREATE TABLE sums ( -- of the splits of the unfinished run, by stream
	place    INTEGER PRIMARY KEY,
	stream   TEXT NOT NULL,
	open     INTEGER NOT NULL,
	done     INTEGER NOT NULL,
	broken   INTEGER NOT NULL,
	records  INTEGER NOT NULL,
	expected INTEGER NOT NULL,
	skipped  INTEGER NOT NULL,
	unknown  INTEGER NOT NULL
);
`

const indexesOfSeats = `
CREATE INDEX splits_free ON splits (seq) WHERE status = 'open' AND seat IS NULL;
CREATE INDEX splits_held ON splits (seat) WHERE seat IS NOT NULL;
`

// createSchema makes the tables.
func createSchema(ctx context.Context, tx *sql.Conn) error {
	_, err := tx.ExecContext(ctx, schema+fmt.Sprintf(
		"PRAGMA application_id=%d; PRAGMA user_version=%d;", applicationID, schemaVersion))
	return err
}

// inspect returns the version of the file, or an error if the file has another format, is newer
// than this program, or is visibly damaged. It writes nothing.
func (s *SQLite) inspect(ctx context.Context) (version int, err error) {
	var id, pages, pageSize int
	for query, to := range map[string]*int{
		"PRAGMA application_id": &id,
		"PRAGMA user_version":   &version,
		"PRAGMA page_count":     &pages,
		"PRAGMA page_size":      &pageSize,
	} {
		if err := s.db.QueryRowContext(ctx, query).Scan(to); err != nil {
			return 0, err
		}
	}
	short, err := s.short(int64(pages) * int64(pageSize))
	switch {
	case err != nil:
		return 0, err
	case short:
		return 0, &FileError{Path: s.path, Problem: "it is damaged: it is truncated"}
	case id != applicationID:
		return 0, &FileError{Path: s.path, Problem: "it is a database of another program"}
	case version > schemaVersion:
		return 0, &FileError{
			Path:    s.path,
			Problem: fmt.Sprintf("a newer scrapekit wrote it (format %d, this one knows %d)", version, schemaVersion),
			Advice:  "use that version, or move the file away and " + startOver,
		}
	case pages > checkBelow:
		return version, nil
	}
	return version, s.check(ctx)
}

// short reports whether pages at the end of the file are missing. SQLite would notice that late, or
// never: it reads the missing part of the last page as zeros. The pages may be in the log, so a log
// that is not empty means no.
func (s *SQLite) short(want int64) (bool, error) {
	file, err := os.Stat(s.path)
	if err != nil {
		return false, err
	}
	log, err := os.Stat(s.path + "-wal")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err == nil && log.Size() > 0 {
		return false, nil
	}
	return want == 0 || file.Size() < want, nil
}

// check reads every page.
func (s *SQLite) check(ctx context.Context) error {
	var found string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return &FileError{Path: s.path, Problem: "it is damaged: " + found}
	}
	return nil
}
