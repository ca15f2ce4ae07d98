// How fast the sink is, beside COPY in psql and a bare program with pgx, on the same server:
//
//	go test -run '^$' -bench . -benchtime 1x ./plugins/sinks/postgres

package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scrapekit/scrapekit/plugins/sinks/postgres"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk"
)

const (
	benchRows   = 200_000
	benchBatch  = 1000   // records a Write
	benchCommit = 50_000 // records a Commit
)

// benchRecord has about 400 bytes as JSON.
type benchRecord struct {
	ID      int64     `json:"id"`
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
	Open    bool      `json:"open"`
	Score   float64   `json:"score"`
	Text    string    `json:"text"`
}

const benchSchema = `{"type":"object","properties":{"id":{"type":"integer"},"key":{"type":"string"},
	"created":{"type":"string","format":"date-time"},"open":{"type":"boolean"},"score":{"type":"number"},
	"text":{"type":"string"}}}`

// benchLines are batches of records.
func benchLines(b *testing.B) (batches [][]byte) {
	b.Helper()
	text := strings.Repeat("the quick brown fox ", 15)[:285]
	var batch bytes.Buffer
	for i := range benchRows {
		line, err := json.Marshal(benchRecord{int64(i), fmt.Sprintf("KEY-%d", i),
			time.Unix(1_700_000_000+int64(i), 0).UTC(), i%2 == 0, float64(i) / 7, text})
		if err != nil {
			b.Fatal(err)
		}
		batch.Write(append(line, '\n'))
		if (i+1)%benchBatch == 0 {
			batches = append(batches, bytes.Clone(batch.Bytes()))
			batch.Reset()
		}
	}
	return batches
}

// BenchmarkRows loads the same records in each way, in one run.
func BenchmarkRows(b *testing.B) {
	url := sqltest.PostgresURL(sqltest.Postgres(b, "fsync=on", "max_wal_size=4GB").Addr, "scrapekit")
	db := sqltest.Open(b, "pgx", url)
	batches := benchLines(b)
	rates := map[string]float64{}
	measured := func(name string, load func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				load()
				rates[name] = benchRows / time.Since(start).Seconds()
			}
			b.ReportMetric(rates[name], "rows/s")
			if bare := rates["pgx"]; bare > 0 {
				b.ReportMetric(rates[name]/bare, "of-pgx")
			}
		})
	}
	table := func(name, key string) {
		_, err := db.ExecContext(b.Context(), "DROP TABLE IF EXISTS "+name+"; CREATE TABLE "+name+" (id bigint "+key+
			", key text, created timestamptz, open boolean, score double precision, text text)")
		if err != nil {
			b.Fatal(err)
		}
	}
	measured("pgx", func() {
		table("bare", "")
		bare(b, url, batches)
	})
	file := filepath.Join(b.TempDir(), "rows")
	out, err := exec.CommandContext(b.Context(), "psql", url, "-c", `\copy bare to '`+file+`'`).CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	measured("psql", func() {
		table("copied", "")
		out, err := exec.CommandContext(b.Context(), "psql", url, "-c", `\copy copied from '`+file+`'`).CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	})
	n := 0
	for _, mode := range []string{"append", "upsert"} {
		measured(mode, func() {
			n++
			through(b, url, fmt.Sprintf("%s%d", mode, n), mode, batches)
		})
	}
	var got int
	err = db.QueryRowContext(b.Context(), "SELECT count(*) FROM append1.rows").Scan(&got)
	if err != nil || got != benchRows {
		b.Errorf("%d rows, want %d (%v)", got, benchRows, err)
	}
}

// bare is what somebody writes without scrapekit: JSON is decoded, and rows go by COPY.
func bare(b *testing.B, url string, batches [][]byte) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.Context())) //nolint:errcheck // all is committed
	columns := []string{"id", "key", "created", "open", "score", "text"}
	for i := 0; i < len(batches); i += benchCommit / benchBatch {
		d := json.NewDecoder(bytes.NewReader(bytes.Join(batches[i:i+benchCommit/benchBatch], nil)))
		_, err := conn.CopyFrom(b.Context(), pgx.Identifier{"bare"}, columns, pgx.CopyFromFunc(func() ([]any, error) {
			if !d.More() {
				return nil, nil
			}
			var r benchRecord
			err := d.Decode(&r)
			return []any{r.ID, r.Key, r.Created, r.Open, r.Score, r.Text}, err
		}))
		if err != nil {
			b.Fatal(err)
		}
	}
}

// through loads the records through the sink.
func through(b *testing.B, url, schema, mode string, batches [][]byte) {
	b.Helper()
	ctx := sdk.Host{Dial: new(net.Dialer).DialContext}.In(b.Context())
	raw, err := json.Marshal(map[string]any{"url": url, "schema": schema, "mode": mode})
	if err != nil {
		b.Fatal(err)
	}
	v, err := postgres.Plugin().New(ctx, raw)
	if err != nil {
		b.Fatal(err)
	}
	sink := v.(interface {
		sdk.Sink
		sdk.Opener
		Close() error
	})
	defer sink.Close() //nolint:errcheck // all is committed
	err = sink.Open(ctx, sdk.Start{Pipeline: "P", Run: "r", Epoch: 1, Full: true,
		Streams: []sdk.Stream{{Name: "rows", PrimaryKey: []string{"id"}, Schema: json.RawMessage(benchSchema)}}})
	for i, batch := range batches {
		if err == nil {
			err = sink.Write(ctx, sdk.Batch{Stream: "rows", Count: benchBatch, Payload: batch})
		}
		if (i+1)%(benchCommit/benchBatch) == 0 && err == nil {
			_, err = sink.Commit(ctx)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}
