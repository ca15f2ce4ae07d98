// The sink against the suite, on disk and on an object store.

package parquet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]map[string]any{
		"end":     {},
		"commit":  {"visible": "commit"},
		"rotated": {"rotate_size": "500B"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, folders := mortal()
			sdktest.TestSink(t, p, sdktest.SinkCase{
				Rounds: 15,
				Config: func(_ *testing.T, dir string) any { return settings(onDisk(dir), more) },
				Read: func(t *testing.T, dir, stream string) []string {
					return arriving(t, dir, folders(onDisk(dir)), stream)
				},
			})
		})
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&filesinktest.Objects{Root: os.TempDir()})
	t.Cleanup(server.Close)
	p, folders := mortal()
	path := func(dir string) string { return "s3://" + filepath.Base(dir) + "/x/{stream}.parquet" }
	sdktest.TestSink(t, p, sdktest.SinkCase{
		Rounds: 15,
		Config: func(_ *testing.T, dir string) any {
			return settings(path(dir), map[string]any{"endpoint": server.URL + "/" + filepath.Base(filepath.Dir(dir))})
		},
		Read: func(t *testing.T, dir, stream string) []string {
			return arriving(t, dir, folders(path(dir)), stream)
		},
		Host: sdk.Host{Transport: http.DefaultTransport},
	})
}

//ci:plain
func TestCrash(t *testing.T) {
	crashtest.Plain(t)
	if os.Getenv("SDKTEST_CRASH_SHARE") == "" {
		t.Setenv("SDKTEST_CRASH_SHARE", "8") // 1 has every operation fail
	}
	sdktest.CrashSink(t, Plugin(), sdktest.SinkCase{
		Config: func(_ *testing.T, dir string) any {
			return settings(onDisk(dir), map[string]any{"rotate_size": "500B"})
		},
		Read: func(t *testing.T, dir, stream string) []string {
			return arriving(t, dir, filepath.Join(dir, ".private"), stream)
		},
	})
}

func onDisk(dir string) string { return filepath.Join(dir, "x", "{stream}.parquet") }

func settings(path string, more map[string]any) map[string]any {
	out := map[string]any{"path": path}
	for name, value := range more {
		out[name] = value
	}
	return out
}

// noted is a sink that notes its private folder.
type noted struct {
	*Sink
	note func(string)
}

func (s noted) Open(ctx context.Context, start sdk.Start) error {
	s.note(start.Dir)
	return s.Sink.Open(ctx, start)
}

// mortal is the plugin, where a new instance is the death of the one before it at the same path: in
// one process nobody else would take its locks away. It also tells the private folder of a path.
func mortal() (sdk.Plugin, func(path string) string) {
	var mu sync.Mutex
	alive, folders := map[string]*Sink{}, map[string]string{}
	p := Plugin()
	inner := p.New
	p.New = func(ctx context.Context, raw json.RawMessage) (any, error) {
		v, err := inner(ctx, raw)
		if err != nil {
			return nil, err
		}
		var c Config
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		if before := alive[c.Path]; before != nil {
			before.Abandon()
		}
		alive[c.Path] = v.(*Sink)
		return noted{v.(*Sink), func(dir string) {
			mu.Lock()
			defer mu.Unlock()
			folders[c.Path] = dir
		}}, nil
	}
	return p, func(path string) string {
		mu.Lock()
		defer mu.Unlock()
		return folders[path]
	}
}

// arriving are the records of a stream that are at the path or will be: those in the private folder
// are there as soon as their commit is saved and the run has ended.
func arriving(t *testing.T, place, private, stream string) []string {
	t.Helper()
	var out []string
	there := map[string]bool{}
	each(t, filepath.Join(place, "x"), stream, func(path string) {
		there[filepath.Base(path)] = true
		out = append(out, records(t, path)...)
	})
	each(t, filepath.Join(private, "objects"), stream, func(path string) {
		if !there[filepath.Base(path)] {
			out = append(out, growing(t, path)...)
		}
	})
	return out
}

// each calls f with the files of a stream.
func each(t *testing.T, root, stream string, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".parquet" &&
			(d.Name() == stream+".parquet" || strings.HasPrefix(d.Name(), stream+"-0")) {
			f(path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// records returns the rows of a Parquet file as JSON.
func records(t *testing.T, path string) []string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(in, info.Size())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var columns []column
	for _, c := range f.Root().Columns() {
		columns = append(columns, column{c.Name(), kindOfNode(c)})
	}
	var out []string
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		buffer := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				out = append(out, record(columns, row))
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func kindOfNode(c *parquet.Column) kind {
	switch c.Type().String() {
	case "STRING":
		return text
	case "JSON":
		return document
	case "INT(64,true)":
		return integer
	case "DOUBLE":
		return double
	case "BOOLEAN":
		return boolean
	case "DATE":
		return date
	case "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)":
		return timestamp
	}
	return kind("unknown " + c.Type().String())
}

// growing returns the rows of a file in the private folder as JSON, up to where it is torn.
func growing(t *testing.T, path string) []string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, columns, err := readHead(d)
	if err != nil {
		return nil
	}
	rows := &rowReader{in: r, columns: columns}
	var out []string
	for {
		row, err := rows.row(nil)
		if err != nil {
			return out
		}
		out = append(out, record(columns, row))
	}
}

// record is a row as JSON, without what is null.
func record(columns []column, row parquet.Row) string {
	var fields []string
	for i, v := range row {
		if v.IsNull() {
			continue
		}
		name, _ := json.Marshal(columns[i].Name)
		field := string(name) + ":" + shown(columns[i].Kind, v)
		if columns[i].Name == deleted {
			fields = append([]string{field}, fields...)
		} else {
			fields = append(fields, field)
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func shown(k kind, v parquet.Value) string {
	var value any
	switch k {
	case document:
		return string(v.ByteArray())
	case text:
		value = string(v.ByteArray())
	case integer:
		value = v.Int64()
	case double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case boolean:
		value = v.Boolean()
	case date:
		value = time.Unix(int64(v.Int32())*24*60*60, 0).UTC().Format(time.DateOnly)
	case timestamp:
		value = time.UnixMicro(v.Int64()).UTC().Format(time.RFC3339Nano)
	default:
		value = string(k)
	}
	raw, _ := json.Marshal(value)
	return string(raw)
}
