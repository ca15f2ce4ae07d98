// A small sink of files that is right, and what it must not leave out.

package sdktest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// appending writes a file a stream. Its token holds the length of each. The fields are what it does
// wrong.
type appending struct {
	noSync, noFolderSync, noCut, noSyncAgain, ignoresSync, mute bool
	promise                                                     sdk.Delivery // "": exactly once

	dir   string
	files map[string]*os.File
	again bool // the run was gone on with
	fresh bool // a file was made since the last commit
}

func (a *appending) Open(_ context.Context, s sdk.Start) error {
	sizes := map[string]int64{}
	if s.Token != nil {
		if err := json.Unmarshal(s.Token, &sizes); err != nil {
			return err
		}
	}
	a.files, a.again = map[string]*os.File{}, s.Resume
	entries, err := os.ReadDir(a.dir)
	for _, e := range entries {
		size, known := sizes[e.Name()]
		path := filepath.Join(a.dir, e.Name())
		switch {
		case err != nil:
		case !known || s.Full:
			err = os.Remove(path)
		case !a.noCut:
			err = a.cut(path, size)
		}
	}
	return errors.Join(err, syncFolder(a.dir))
}

func (a *appending) Guarantee() sdk.Guarantee {
	return sdk.Guarantee{Delivery: cmp.Or(a.promise, sdk.ExactlyOnce), Why: "it says so"}
}

func (a *appending) cut(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	return errors.Join(err, f.Sync(), f.Close())
}

func (a *appending) Write(_ context.Context, b sdk.Batch) error {
	f := a.files[b.Stream]
	if f == nil {
		path := filepath.Join(a.dir, b.Stream)
		_, err := os.Stat(path)
		a.fresh = a.fresh || errors.Is(err, fs.ErrNotExist)
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644); err != nil {
			return a.says(err)
		}
		a.files[b.Stream] = f
	}
	_, err := f.Write(b.Payload)
	return a.says(err)
}

func (a *appending) says(err error) error {
	if err != nil && a.mute {
		return errors.New("something went wrong")
	}
	return err
}

func (a *appending) Commit(context.Context) (sdk.Token, error) {
	if !a.noSync && !(a.noSyncAgain && a.again) {
		for _, f := range a.files {
			if err := f.Sync(); err != nil && !a.ignoresSync {
				return nil, err
			}
		}
	}
	if a.fresh && !a.noFolderSync {
		if err := syncFolder(a.dir); err != nil {
			return nil, err
		}
	}
	a.fresh = false
	entries, err := os.ReadDir(a.dir)
	sizes := map[string]int64{}
	for _, e := range entries {
		info, bad := e.Info()
		if err = errors.Join(err, bad); err == nil {
			sizes[e.Name()] = info.Size()
		}
	}
	token, bad := json.Marshal(sizes)
	return token, errors.Join(err, bad)
}

func (a *appending) Close() error {
	var err error
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		err = errors.Join(err, a.files[name].Close())
	}
	return err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

func crashAppending(a appending) func(t *testing.T) {
	type settings struct {
		Dir string `json:"dir"`
	}
	p := sdk.SinkPlugin(sdk.Info{Name: "appending", Version: "1", Doc: "Appends."},
		func(_ context.Context, c settings) (sdk.Sink, error) {
			sink := a
			sink.dir = c.Dir
			return &sink, nil
		})
	return func(t *testing.T) {
		CrashSink(t, p, SinkCase{
			Config: func(_ *testing.T, dir string) any { return map[string]any{"dir": dir} },
			Read: func(t *testing.T, dir, stream string) []string {
				raw, err := os.ReadFile(filepath.Join(dir, stream))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
				if len(raw) == 0 {
					return nil
				}
				return strings.Split(string(bytes.TrimSuffix(raw, []byte("\n"))), "\n")
			},
		})
	}
}

//ci:plain
func TestCrashSink(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	crashAppending(appending{})(t)
}
