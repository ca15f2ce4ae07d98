// Cases: the input of the conformance checks, made from the pipeline file that uses the plugin.

package core

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/internal/plugintest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// selected returns the streams that a source is tested with, which are those that a run would read;
// nil: all.
func selected(b config.Block) []string {
	if b.Streams != nil {
		if b.Streams[0] == "*" {
			return nil
		}
		return b.Streams
	}
	var out []string
	for _, s := range b.Info.Streams {
		if !s.Optional {
			out = append(out, s.Name)
		}
	}
	return out
}

// testRecords is the number of records that a transform is tested with.
const testRecords = 200

// input collects what the transform would receive in a run: records of the source, after the
// transforms before it.
func (p *parts) input(ctx context.Context, c *conformance.TransformCase, b config.Block, n int) error {
	var before []pipeline.Stage[sdk.Transform]
	for i, x := range p.config.Transforms {
		if x.Name == b.Name {
			break
		}
		before = append(before, p.transforms()[i])
	}
	ctx, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	in := &firstBatches{left: cmp.Or(n, testRecords), takes: pipeline.Stage[sdk.Transform]{Streams: b.Streams}.Takes,
		enough: func() { enough(errEnough) }}
	run := pipeline.New(pipeline.Config{
		Source: p.source(), Transforms: before,
		Sinks: []pipeline.Stage[sdk.Sink]{{Name: "test", MaxRejects: -1,
			Start: func(context.Context) (pipeline.Instance[sdk.Sink], error) {
				return inProcess(sdk.Sink(in)), nil
			}}},
		Store: checkpoint.NewMemory(), Letters: noLetters{}, Begin: checkpoint.Begin{ID: "test", Now: time.Now()},
		Concurrency: 1, SpoolDir: p.spool, SpoolRoom: p.room, Logger: p.logger,
	})
	res, err := run.Run(ctx)
	if !errors.Is(context.Cause(ctx), errEnough) {
		err = errors.Join(err, res.Err, ctx.Err())
	} else {
		err = nil
	}
	if err == nil && len(in.batches) == 0 {
		err = fmt.Errorf("%s: no record reaches %s that it could be tested with", p.config.File, stageName(b))
	}
	c.Input, c.Streams = in.batches, in.streams
	return err
}

// firstBatches is a sink that keeps the first records, in small batches, and then ends the run.
type firstBatches struct {
	mu      sync.Mutex
	left    int
	takes   func(stream string) bool
	enough  func()
	streams []sdk.Stream
	batches []sdk.Batch
}

// batchRecords is the number of records in a batch of a test. Several batches find faults that a
// single one hides.
const batchRecords = 20

func (f *firstBatches) Open(_ context.Context, s sdk.Start) error {
	for _, st := range s.Streams {
		if f.takes(st.Name) {
			f.streams = append(f.streams, st)
		}
	}
	return nil
}

func (f *firstBatches) Write(_ context.Context, b sdk.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.takes(b.Stream) {
		return nil
	}
	part := sdk.Batch{Stream: b.Stream, Op: b.Op}
	for record := range b.Records() {
		if f.left == 0 {
			break
		}
		f.left--
		part.Count++
		part.Payload = append(append(part.Payload, record...), '\n')
		if part.Count == batchRecords {
			f.batches = append(f.batches, part)
			part = sdk.Batch{Stream: b.Stream, Op: b.Op}
		}
	}
	if part.Count > 0 {
		f.batches = append(f.batches, part)
	}
	if f.left == 0 {
		f.enough()
	}
	return nil
}

func (f *firstBatches) Commit(context.Context) (sdk.Token, error) { return nil, nil }

// sinkCase returns the case of a sink whose output goes to the folder of a check, with the function
// that reads the output back.
func (p *parts) sinkCase(b config.Block, host sdk.Host, o plugintest.SinkOptions) *conformance.SinkCase {
	return &conformance.SinkCase{
		Host: host, Replaces: o.Replaces, Keyed: o.Keyed, Rounds: o.Rounds,
		Config: func(t conformance.T, dir string) json.RawMessage {
			settings, err := relocated(b, p.config.Dir, dir, o)
			if err != nil {
				t.Fatalf("%v", err)
			}
			return settings
		},
		Read: func(t conformance.T, dir, stream string) []string {
			lines, err := readStream(t.Context(), o.Read, dir, stream, placeOf(b, o.Place, dir)...)
			if err != nil {
				t.Fatalf("read what the sink has written: %v", err)
			}
			return lines
		},
	}
}

// relocated returns the settings of a block with each path moved below dir: "out/{stream}.csv"
// beside the file becomes dir/out/{stream}.csv. A setting that names a place other than a path is
// replaced by one made from dir.
func relocated(b config.Block, from, dir string, o plugintest.SinkOptions) (json.RawMessage, error) {
	var schema struct {
		Properties map[string]map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(b.Info.Config, &schema); err != nil {
		return nil, fmt.Errorf("schema of the settings: %w", err)
	}
	// raw messages keep unchanged values exact, such as numbers with many digits
	settings := map[string]json.RawMessage{}
	if err := json.Unmarshal(b.Config, &settings); err != nil {
		return nil, err
	}
	moved := false
	set := func(name, text string) (err error) {
		moved = true
		settings[name], err = json.Marshal(text)
		return err
	}
	for _, name := range placeOf(b, o.Place, dir) {
		if schema.Properties[o.Place]["type"] != "string" {
			return nil, fmt.Errorf("%w: %s: %s has no setting %q that is a text, in which a place could be named",
				plugintest.ErrNotTested, b.Pos, stageName(b), o.Place)
		}
		if err := set(o.Place, name); err != nil {
			return nil, err
		}
	}
	files := false
	for name, p := range schema.Properties {
		var path string
		writes := p[keyword.Path] == true || p[keyword.Path] == "write"
		if !writes || json.Unmarshal(settings[name], &path) != nil || path == "" || path == "-" {
			continue
		}
		files = true
		rel, err := filepath.Rel(from, path)
		if err != nil || !filepath.IsLocal(rel) {
			rel = filepath.Base(path)
		}
		if err := set(name, filepath.Join(dir, rel)); err != nil {
			return nil, err
		}
	}
	if !moved {
		return nil, fmt.Errorf("%w: %s: no setting of %s is a path in a folder, where the checks could have it "+
			"write: name one with --place that says where it writes, or test it with Go's sdktest.TestSink",
			plugintest.ErrNotTested, b.Pos, stageName(b))
	}
	if !files && o.Read == "" {
		return nil, fmt.Errorf("%w: %s: %s writes to no files, so the checks cannot see what it has written: name a "+
			"program with --read that prints the records of a stream, "+
			"one JSON object a line; it is called with a folder, the name of the stream and the place, such as %q",
			plugintest.ErrNotTested, b.Pos, stageName(b), placeOf(b, o.Place, dir)[0])
	}
	return json.Marshal(settings)
}

// placeOf returns the place that a tested sink writes to, if a setting names it.
func placeOf(b config.Block, place, dir string) []string {
	if place == "" {
		return nil
	}
	settings := map[string]any{}
	_ = json.Unmarshal(b.Config, &settings) // cannot fail: Marshal made it
	name, _ := settings[place].(string)
	return []string{strings.TrimPrefix(name+"-"+filepath.Base(dir), "-")}
}

// readStream returns the records of a stream in a folder or place.
func readStream(ctx context.Context, program, dir, stream string, place ...string) ([]string, error) {
	if program != "" {
		cmd := exec.CommandContext(ctx, program, append([]string{dir, stream}, place...)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s %s %s: %w\n%s", program, dir, stream, err, errs.String())
		}
		return linesOf(out), nil
	}
	name, err := regexp.Compile(`(^|[^A-Za-z0-9_])` + regexp.QuoteMeta(stream) + `([^A-Za-z0-9_]|$)`)
	if err != nil {
		return nil, err
	}
	var all []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, path)
		if err != nil || relErr != nil || !d.Type().IsRegular() || d.Name()[0] == '.' || !name.MatchString(rel) {
			return errors.Join(err, relErr)
		}
		lines, err := readLines(path)
		all = append(all, lines...)
		return err
	})
	return all, err
}

// readLines returns the complete lines of a JSON Lines file. The file may be compressed, and may
// still be written.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = bufio.NewReader(f)
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(r)
	case ".zst":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1)); err == nil {
			defer z.Close()
			r = z
		}
	}
	if errors.Is(err, io.EOF) {
		return nil, nil // nothing is written yet
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	raw, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	lines := linesOf(raw)
	for i, line := range lines {
		if !strings.HasPrefix(line, "{") {
			return nil, fmt.Errorf("%s:%d: not a JSON object: %.100q; name a program that reads such files with --read",
				path, i+1, line)
		}
	}
	return lines, nil
}

func linesOf(raw []byte) []string {
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	if len(raw) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
}
