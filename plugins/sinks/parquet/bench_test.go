// How fast it is.

package parquet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// BenchmarkRun writes 200,000 records of 400 bytes, and makes the file.
func BenchmarkRun(b *testing.B) {
	stream := sdk.Stream{Name: "a", Schema: []byte(`{"properties":{"id":{"type":"integer"},
		"key":{"type":"string"},"created":{"type":"string","format":"date-time"},"status":{"type":"string"},
		"score":{"type":"number"},"open":{"type":"boolean"},"author":{"type":"object"},"text":{"type":"string"}}}`)}
	const batches, each = 200, 1000
	var all []sdk.Batch
	for n := range batches {
		var lines strings.Builder
		for i := range each {
			id := n*each + i
			fmt.Fprintf(&lines, `{"id":%d,"key":"KEY-%d","created":"2024-02-%02dT01:02:03.%06dZ","status":"in progress",`+
				`"score":%d.25,"open":true,"author":{"name":"n%d","email":"n%d@example.org"},"text":"%s"}`+"\n",
				id, id, 1+id%28, id, id, id%97, id%97, strings.Repeat(fmt.Sprintf("%09x ", id*2654435761), 21)[:210])
		}
		all = append(all, sdk.Batch{Stream: "a", Count: each, Payload: []byte(lines.String())})
	}
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		s, err := New(Config{Path: filepath.Join(dir, "{stream}.parquet")})
		if err == nil {
			err = s.Open(b.Context(), sdk.Start{Run: "r", Dir: b.TempDir(), Streams: []sdk.Stream{stream}})
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for _, batch := range all {
			if err := s.Write(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := s.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Finish(b.Context(), sdk.End{}); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "a-00001.parquet"))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/(batches*each), "bytes/row")
	}
	b.ReportMetric(float64(b.N)*batches*each/b.Elapsed().Seconds(), "rows/s")
}
