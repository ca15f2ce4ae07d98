// Counting: what a trial delivered, against what was served.

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// tally is what came of a trial, or of several.
type tally struct {
	planned, kills int
	records        int // that are there, each counted once
	lost           int // served, and not there
	twice          int // copies beyond the first
	torn           int // what is no record
	foreign        int // records that were never served
	unfinished     int // trials without an end
}

func (t *tally) add(o tally) {
	t.planned += o.planned
	t.kills += o.kills
	t.records += o.records
	t.lost += o.lost
	t.twice += o.twice
	t.torn += o.torn
	t.foreign += o.foreign
	t.unfinished += o.unfinished
}

func (t tally) exact() bool { return t.lost+t.twice+t.torn+t.foreign+t.unfinished == 0 }

func (t tally) String() string {
	out := fmt.Sprintf("%d of %d kills landed; %d lost, %d twice, %d torn", t.kills, t.planned, t.lost, t.twice, t.torn)
	if t.foreign > 0 {
		out += fmt.Sprintf(", %d never served", t.foreign)
	}
	if t.unfinished > 0 {
		out += fmt.Sprintf(", %d trials without an end", t.unfinished)
	}
	return out
}

// delivered is what is found of a trial.
type delivered struct {
	ids  []string
	torn int
}

// count compares what is in dir with what was served.
func (b *bench) count(ctx context.Context, dir string) (tally, error) {
	var d delivered
	var err error
	if b.ids != "" {
		d, err = b.ask(ctx, dir)
	} else {
		d, err = b.look(dir)
	}
	if err != nil {
		return tally{}, err
	}
	there := map[string]int{}
	for _, id := range d.ids {
		there[id]++
	}
	t := tally{torn: d.torn}
	for _, id := range b.api.all() {
		switch n := there[id]; {
		case n == 0:
			t.lost++
		default:
			t.records++
			t.twice += n - 1
		}
		delete(there, id)
	}
	for _, n := range there {
		t.foreign += n
	}
	return t, nil
}

// ask has a command of the user's say what is there.
func (b *bench) ask(ctx context.Context, dir string) (delivered, error) {
	replace, err := b.replacer(dir)
	if err != nil {
		return delivered{}, err
	}
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c"}
	}
	cmd := exec.CommandContext(ctx, shell[0], shell[1], replace.Replace(b.ids))
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return delivered{}, fmt.Errorf("-ids: %w", err)
	}
	return delivered{ids: strings.Fields(string(out))}, nil
}

// look reads the files.
func (b *bench) look(dir string) (delivered, error) {
	names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(b.output)))
	if err != nil {
		return delivered{}, fmt.Errorf("-output: %w", err)
	}
	var d delivered
	for _, name := range names {
		if strings.HasPrefix(filepath.Base(name), ".") {
			continue // what a program keeps for itself
		}
		if err := d.file(name, b.field); err != nil {
			return d, fmt.Errorf("%s: %w", name, err)
		}
	}
	return d, nil
}

func (d *delivered) file(name, field string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	r, plain, err := unpacked(f, name)
	if err != nil {
		return err
	}
	if strings.HasSuffix(plain, ".csv") {
		return d.csv(r, field)
	}
	d.lines(r, field)
	return nil
}

// unpacked reads a file that may be compressed. plain is its name without the ending that says so.
func unpacked(f *os.File, name string) (r io.Reader, plain string, err error) {
	switch ext := filepath.Ext(name); ext {
	case ".gz":
		r, err = gzip.NewReader(f)
		if errors.Is(err, io.EOF) {
			r, err = strings.NewReader(""), nil
		}
		return r, strings.TrimSuffix(name, ext), err
	case ".zst":
		z, err := zstd.NewReader(f)
		return z, strings.TrimSuffix(name, ext), err
	}
	return f, name, nil
}

// lines reads JSON Lines. A line that is no record, and a stream that breaks off, are torn.
func (d *delivered) lines(r io.Reader, field string) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var fields map[string]json.RawMessage
			var id string
			if json.Unmarshal(line, &fields) != nil || json.Unmarshal(fields[field], &id) != nil {
				d.torn++
			} else {
				d.ids = append(d.ids, id)
			}
		}
		if err == nil {
			continue
		}
		if err != io.EOF {
			d.torn++
		}
		return
	}
}

// csv reads a file with a head. A row of another length is torn.
func (d *delivered) csv(r io.Reader, field string) error {
	in := csv.NewReader(r)
	head, err := in.Read()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	column := slices.Index(head, field)
	if column < 0 {
		return fmt.Errorf("no column %q in its head %q", field, head)
	}
	for {
		row, err := in.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			d.torn++
			var parse *csv.ParseError
			if !errors.As(err, &parse) {
				return nil
			}
		case !slices.Equal(row, head): // a head that was written again is no record
			d.ids = append(d.ids, row[column])
		}
	}
}
