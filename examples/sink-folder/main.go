// Command sink-folder writes each record into a file that is named by its key. A repeated record
// replaces its file: so the sink keeps "once per key", and need not come back to a token.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type settings struct {
	Dir string `json:"dir" required:"true" path:"true" doc:"The folder, with a slash at its end. It gets a folder for each stream, with a file for each key."`
}

type folder struct {
	settings
	keys    map[string][]string // by stream
	changed map[string]bool     // folders, since the last commit
}

// token names the owner only: there is nothing to restore.
const token = "by key"

// extension is that of a record's file.
const extension = ".json"

// Guarantee implements [sdk.Guarantor].
func (f *folder) Guarantee() sdk.Guarantee {
	return sdk.Guarantee{Delivery: sdk.OncePerKey, Why: "a record takes the place of the one with the same key"}
}

// Open implements [sdk.Opener].
func (f *folder) Open(_ context.Context, s sdk.Start) error {
	if s.Token != nil && string(s.Token) != token {
		return sdk.Permanent(fmt.Errorf("the token %.100q is none of this sink's", s.Token))
	}
	f.keys, f.changed = map[string][]string{}, map[string]bool{f.Dir: true, filepath.Dir(filepath.Clean(f.Dir)): true}
	for _, stream := range s.Streams {
		f.keys[stream.Name] = stream.PrimaryKey
		if s.Full {
			if err := os.RemoveAll(filepath.Join(f.Dir, stream.Name)); err != nil {
				return err
			}
		}
	}
	return os.MkdirAll(f.Dir, 0o755)
}

// Write implements [sdk.Sink].
func (f *folder) Write(_ context.Context, b sdk.Batch) error {
	dir := filepath.Join(f.Dir, b.Stream)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	f.changed[f.Dir], f.changed[dir] = true, true
	return b.Each(func(record []byte) error {
		name, err := f.name(b, record)
		switch {
		case err != nil:
			return sdk.Reject{Reason: err.Error()}
		case b.Op == sdk.Delete:
			return remove(dir, name)
		}
		return replace(dir, name, record)
	})
}

// name is made of the fields of a record's key; of a deletion's, which may be the first few.
// Records of a stream without a key are named by what is in them.
func (f *folder) name(b sdk.Batch, record []byte) (string, error) {
	var fields map[string]any
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.UseNumber() // as float64 two long numbers may be one
	if err := dec.Decode(&fields); err != nil {
		return "", err
	}
	var parts []string
	for _, field := range f.keys[b.Stream] {
		value, there := fields[field]
		if !there && b.Op == sdk.Delete {
			break
		}
		if !there {
			return "", fmt.Errorf("it has no %q, which is of its key", field)
		}
		parts = append(parts, url.PathEscape(fmt.Sprint(value)))
	}
	name := strings.Join(parts, ",") // PathEscape leaves no comma
	switch {
	case name == "" && b.Op == sdk.Delete:
		return "", errors.New("a deletion without a key")
	case name == "":
		return fmt.Sprintf("%x", sha256.Sum256(record)), nil
	case len(name) > 200:
		return "", errors.New("its key is too long for the name of a file")
	}
	return name, nil
}

// replace replaces a record's file as a whole: a partial one is never there.
func replace(dir, name string, record []byte) error {
	f, err := os.Create(filepath.Join(dir, ".new"))
	if err != nil {
		return err
	}
	_, err = f.Write(append(record, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name+extension))
}

// remove removes the record of a key, or all whose keys begin with these fields.
func remove(dir, name string) error {
	files, err := os.ReadDir(dir)
	for _, file := range files {
		if key := strings.TrimSuffix(file.Name(), extension); key == name || strings.HasPrefix(key, name+",") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, file.Name())))
		}
	}
	return err
}

// Commit makes the file names durable. The content is durable already.
func (f *folder) Commit(context.Context) (sdk.Token, error) {
	for dir := range f.changed {
		if err := sync(dir); err != nil {
			return nil, err
		}
		delete(f.changed, dir)
	}
	return sdk.Token(token), nil
}

func sync(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a name lasts there as its file does
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "folder", Version: "1.0.0", Doc: "Writes each record into a file of its own."},
		func(_ context.Context, s settings) (sdk.Sink, error) { return &folder{settings: s}, nil })
}

func main() { serve.Main(plugin()) }
