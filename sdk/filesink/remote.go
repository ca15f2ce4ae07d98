// Remote: files on an object store. They grow in the sink's private folder as on any disk, and are
// restored to a token there. An object gets only bytes that a saved token covers, so nothing on the
// store ever has to be undone.

package filesink

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
	"github.com/scrapekit/scrapekit/sdk/filesink/objects"
)

// atOnce is how many objects are written concurrently. Each takes the memory of one part.
const atOnce = 4

// remote is the object store of a sink, beyond the private folder.
type remote struct {
	store     objects.Uploads
	each      bool  // each commit completes its objects
	parts     int64 // bytes of each of the first parts of an object
	overwrite bool
	maker     Maker  // nil: the object is what was appended
	format    format // of the private folder

	// Set by open.
	owner string
	dir   string   // folder of all runs, in the private folder
	state state    // of the run
	kept  []file   // files of the last token that the host has saved
	drop  []string // paths of objects that the last token no longer names
}

// state is what a token holds beyond the files on the disk.
type state struct {
	Run string `json:"run"`
	// Done are the completed objects of this run. Old are those of earlier runs.
	Done runs `json:"done,omitempty"`
	Old  runs `json:"old,omitempty"`
}

// runs are numbers of objects by their series, as pairs of first and last number.
type runs map[string][][2]int

func (r runs) add(series string, n int) {
	all := r[series]
	if last := len(all) - 1; last >= 0 && all[last][1]+1 == n {
		all[last][1] = n
		return
	}
	r[series] = append(all, [2]int{n, n})
}

func (r runs) each(f func(series string, n int)) {
	for series, all := range r {
		for _, pair := range all {
			for n := pair[0]; n <= pair[1]; n++ {
				f(series, n)
			}
		}
	}
}

// remoteToken is a token of files on an object store.
type remoteToken struct {
	Version int       `json:"v"`
	State   state     `json:"objects"`
	Files   sdk.Token `json:"files"` // of the private folder
}

func decodeRemoteToken(raw sdk.Token) (remoteToken, []file, error) {
	var t remoteToken
	if raw == nil {
		return t, nil, nil
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return t, nil, fmt.Errorf("token: %w", err)
	}
	if t.Version != tokenVersion || t.State.Run == "" {
		return t, nil, errors.New("token: it is not one of files on an object store: start over with a full run")
	}
	inner, err := decodeToken(t.Files)
	return t, inner.Files, err
}

// openRemote is Open for an object store.
func (s *Files) openRemote(ctx context.Context, start sdk.Start) error {
	r := s.remote
	t, files, err := decodeRemoteToken(start.Token)
	if err != nil {
		return sdk.Permanent(err)
	}
	if start.Dir == "" {
		return sdk.Permanent(errors.New(
			"the sink has no private folder, in which files grow until they are on the store"))
	}
	r.dir = filepath.Join(start.Dir, "objects")
	r.owner = safe(start.Pipeline) + "/" + safe(start.Run)
	r.drop = nil
	names := s.template.names(start)
	inner := start
	if start.Resume {
		r.state, inner.Token = t.State, t.Files
	} else {
		old, err := r.former(ctx, start, names, t, files)
		if err != nil {
			return err
		}
		r.state = state{Run: start.Run, Old: old}
		inner.Token, inner.Full, files = nil, false, nil
	}
	s.template.root = r.folder(start.Run)
	if err := s.openLocal(ctx, inner); err != nil {
		return err
	}
	r.kept = files
	if r.state.Done == nil {
		r.state.Done = runs{}
	}
	r.state.Done.each(func(series string, n int) { err = errors.Join(err, r.forget(numbered(series, n))) })
	if err == nil {
		err = s.number(ctx, start.Streams)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// folder is the private folder in which the files of a run grow.
func (r *remote) folder(run string) string { return filepath.Join(r.dir, safe(run)) }

// former finishes the previous run: its committed objects are completed, or removed if everything
// starts over. It returns the objects that exist then.
func (r *remote) former(ctx context.Context, start sdk.Start, names names, t remoteToken, files []file) (runs, error) {
	before := &remote{store: r.store, parts: r.parts, overwrite: r.overwrite, maker: r.maker, format: r.format,
		dir: r.dir, kept: files, state: t.State, owner: safe(start.Pipeline) + "/" + safe(t.State.Run)}
	all := runs{}
	keep := func(series string, n int) {
		if names.has(series) {
			all.add(series, n)
		}
	}
	t.State.Done.each(keep)
	for _, f := range files {
		keep(f.Series, f.N)
	}
	if !r.overwrite || len(all) == 0 {
		t.State.Old.each(keep)
	}
	var err error
	switch {
	case start.Full:
		err = r.remove(ctx, all, safe(start.Pipeline)+"/")
		all = runs{}
	default:
		err = before.completeAll(ctx)
	}
	if err == nil {
		err = os.RemoveAll(r.dir)
	}
	return all, err
}

// number makes new objects begin after the existing ones: nothing can be appended to an object.
func (s *Files) number(ctx context.Context, streams []sdk.Stream) error {
	last := map[string]int{}
	for _, st := range streams {
		last[s.names.series(st.Name)] = -1
	}
	for series := range last {
		sr, err := s.newSeries(series)
		if err != nil {
			return err
		}
		if sr.last > 0 || s.files[series] != nil || s.remote.overwrite {
			continue // it is continued, or begins at the first number of those that it replaces
		}
		highest, err := s.remote.highest(ctx, series)
		if err != nil {
			return err
		}
		if sr.last = highest + 1; s.remote.each {
			sr.last = max(sr.last, 1)
		}
	}
	if s.remote.each {
		return s.turnOver()
	}
	return nil
}

// highest is the highest number of an object of a series: 0 for one without a number, -1 for none.
func (r *remote) highest(ctx context.Context, series string) (int, error) {
	stem, ext, _ := strings.Cut(numbered(series, 1), "-00001")
	highest := -1
	err := r.store.List(ctx, stem, func(key string) {
		if key == series {
			highest = max(highest, 0)
			return
		}
		number, ok := strings.CutPrefix(key, stem+"-")
		number, is := strings.CutSuffix(number, ext)
		if n, err := strconv.Atoi(number); ok && is && err == nil && numbered(series, n) == key {
			highest = max(highest, n)
		}
	})
	return highest, err
}

// commitRemote is Commit for an object store. The call means that the host has saved the previous
// token.
func (s *Files) commitRemote(ctx context.Context) (sdk.Token, error) {
	r := s.remote
	if err := s.ship(ctx); err != nil {
		return nil, s.fail(err)
	}
	if r.each {
		if err := s.turnOver(); err != nil {
			return nil, s.fail(err)
		}
	}
	inner, err := s.commitLocal()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(remoteToken{Version: tokenVersion, State: r.state, Files: inner})
	if err != nil {
		return nil, s.fail(err)
	}
	r.kept = s.tokenNow().Files
	return raw, nil
}

// turnOver makes the next records begin new objects.
func (s *Files) turnOver() error {
	for _, sr := range s.byPath {
		if sr.current != nil {
			if err := s.retire(sr); err != nil {
				return err
			}
		}
		if s.files[numbered(sr.name, sr.last)] != nil {
			sr.last++
		}
	}
	return nil
}

// ship sends what the last token names. An object to which nothing is appended any more is
// completed, and the next token does not list it.
func (s *Files) ship(ctx context.Context) error {
	r := s.remote
	for _, path := range r.drop {
		if err := r.forget(path); err != nil {
			return err
		}
	}
	r.drop = nil
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	var full []file
	for _, f := range r.kept {
		last := !r.overwrite && s.byPath[f.Series].last > f.N && s.files[f.path()].Size == f.Size
		if last {
			full = append(full, f)
		}
		g.Go(func() error { return r.send(gctx, f, last) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, f := range full {
		r.state.Done.add(f.Series, f.N)
		r.drop = append(r.drop, f.path())
		delete(s.files, f.path())
	}
	return nil
}

// completeAll completes the objects that the last token names.
func (r *remote) completeAll(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, f := range r.kept {
		g.Go(func() error { return r.send(gctx, f, true) })
	}
	return g.Wait()
}

// Finish implements [sdk.Finisher]: all objects become visible, and the objects that they replace
// are removed.
func (s *Files) Finish(ctx context.Context, _ sdk.End) error {
	r := s.remote
	if r == nil {
		return nil
	}
	if err := s.usable(); err != nil {
		return err
	}
	if err := r.completeAll(ctx); err != nil || !r.overwrite || len(r.kept)+len(r.state.Done) == 0 {
		return err
	}
	gone := runs{}
	r.state.Old.each(func(series string, n int) {
		if !slices.ContainsFunc(r.kept, func(f file) bool { return f.Series == series && f.N == n }) {
			gone.add(series, n)
		}
	})
	owner, _, _ := strings.Cut(r.owner, "/")
	return r.remove(ctx, gone, owner+"/")
}

// remove removes objects that a pipeline wrote. It refuses to remove others.
func (r *remote) remove(ctx context.Context, all runs, owner string) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	all.each(func(series string, n int) {
		key := numbered(series, n)
		g.Go(func() error {
			info, err := r.store.Head(gctx, key)
			switch {
			case errors.Is(err, objects.ErrNotExist):
				return nil
			case err != nil:
				return err
			case !strings.HasPrefix(info.Owner, owner):
				return sdk.Permanent(fmt.Errorf(
					"object %s: this run would remove it, and something else has written it: "+
						"move it away, then run again", key))
			}
			return r.store.Remove(gctx, key)
		})
	})
	return g.Wait()
}

// forget removes an object's files from the private folder.
func (r *remote) forget(path string) error {
	grown := filepath.Join(r.folder(r.state.Run), filepath.FromSlash(path))
	for _, name := range []string{grown, r.made(path), r.note(path)} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// note is the path of the file with an object's progress.
func (r *remote) note(path string) string {
	return filepath.Join(r.dir, "uploads", safe(r.state.Run), id(sdk.Token(path))+".json")
}

// progress is how much of an object has been sent. It may be too low, since every part can be sent
// again, and is never too high.
type progress struct {
	objects.Upload
	Done bool `json:"done,omitempty"`
}

func (r *remote) progress(path string) (p progress, err error) {
	raw, err := os.ReadFile(r.note(path))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	return p, err
}

func (r *remote) noted(path string, p progress) error {
	raw, err := json.Marshal(p)
	if err == nil {
		err = durable.MakeDir(filepath.Dir(r.note(path)), 0o700)
	}
	if err != nil {
		return err
	}
	return durable.Replace(r.note(path), raw, true)
}

const (
	firstParts = 8 << 20 // bytes of each
	maxParts   = 10000   // the most that one object may have
)

// partSize grows with the part's number, so that the largest number of parts holds 290 GiB and no
// part exceeds the size of a request.
func (r *remote) partSize(n int) int64 { return r.parts << (n / (maxParts / 4)) }

// send sends the object up to the size of f. last says that f is the whole object.
func (r *remote) send(ctx context.Context, f file, last bool) error {
	p, err := r.progress(f.path())
	if err != nil || p.Done || !last && (r.maker != nil || f.Size <= p.Size+r.partSize(len(p.Parts))) {
		return err
	}
	o := objects.Object{Key: f.path(), Owner: r.owner, Fresh: !r.overwrite}
	in, size, err := r.source(f)
	if errors.Is(err, fs.ErrNotExist) {
		return r.gone(ctx, f)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	f.Size = size
	if err := r.sendParts(ctx, o, &p, f, in, last); err != nil || !last {
		return err
	}
	p.Done = true
	if err := r.noted(f.path(), p); err != nil || r.maker == nil {
		return err
	}
	return os.Remove(r.made(f.path()))
}

// sendParts sends the missing parts. If the store no longer knows the upload, the object is
// complete, or the upload starts again: the file holds all bytes.
func (r *remote) sendParts(ctx context.Context, o objects.Object, p *progress, f file, in *os.File, last bool) error {
	err := r.tryParts(ctx, o, p, f, in, last)
	for range 2 {
		if !errors.Is(err, objects.ErrLost) && !errors.Is(err, objects.ErrExists) {
			break
		}
		info, asked := r.store.Head(ctx, o.Key)
		switch {
		case asked == nil && info.Size == f.Size && info.Owner == o.Owner && last:
			return nil // the reply was lost, or a process was killed before it recorded it
		case asked == nil && o.Fresh:
			return sdk.Permanent(fmt.Errorf(
				"object %s was written by something else since the run began: move it away, then run again", o.Key))
		case asked != nil && !errors.Is(asked, objects.ErrNotExist):
			return asked
		}
		p.Upload = objects.Upload{}
		err = r.tryParts(ctx, o, p, f, in, last)
	}
	return err
}

func (r *remote) tryParts(ctx context.Context, o objects.Object, p *progress, f file, in *os.File, last bool) error {
	if p.ID == "" && last && f.Size <= r.partSize(0) {
		body, err := read(in, 0, f.Size)
		if err != nil {
			return err
		}
		return r.store.Put(ctx, o, body)
	}
	if p.ID == "" {
		u, err := r.store.Begin(ctx, o)
		if err != nil {
			return err
		}
		p.Upload = u
		if err := r.noted(f.path(), *p); err != nil {
			return err
		}
	}
	for f.Size > p.Size+r.partSize(len(p.Parts)) {
		if len(p.Parts) == maxParts-1 {
			return sdk.Permanent(fmt.Errorf("object %s has reached %d bytes, more than it can have: set rotate_size",
				o.Key,
				p.Size))
		}
		body, err := read(in, p.Size, r.partSize(len(p.Parts)))
		if err != nil {
			return err
		}
		if err := r.store.Part(ctx, o, &p.Upload, body); err != nil {
			return err
		}
		if err := r.noted(f.path(), *p); err != nil {
			return err
		}
	}
	if !last {
		return nil
	}
	tail, err := read(in, p.Size, f.Size-p.Size)
	if err != nil {
		return err
	}
	u := p.Upload // kept until the store confirms that it is complete
	u.Parts = slices.Clone(u.Parts)
	return r.store.Complete(ctx, o, &u, tail)
}

func read(in *os.File, at, size int64) ([]byte, error) {
	body := make([]byte, size)
	if _, err := in.ReadAt(body, at); err != nil {
		return nil, err
	}
	return body, nil
}

// gone handles a file that is missing from the private folder: its object is complete, or it is
// lost with the folder.
func (r *remote) gone(ctx context.Context, f file) error {
	_, err := r.store.Head(ctx, f.path())
	if errors.Is(err, objects.ErrNotExist) {
		sdk.Log(ctx).Warn("an object of an earlier run is not on the store, nor in the private "+
			"folder: this run adds only "+
			"what is new since then; to have everything delivered again, run with --full", "object", f.path())
		return nil
	}
	return err
}

// check does what a run does, with a test object in the folder of the first placeholder.
func (r *remote) check(ctx context.Context, t template) error {
	literal, _, _ := strings.Cut(t.rest, "{")
	key := literal[:strings.LastIndex(literal, "/")+1] + ".scrapekit-check-" + rand.Text()
	o := objects.Object{Key: key, Owner: "check"}
	if err := r.store.Put(ctx, o, []byte("a check writes this, and removes it\n")); err != nil {
		return err
	}
	if _, err := r.store.Head(ctx, key); err != nil {
		return err
	}
	o.Fresh = true
	err := r.store.Put(ctx, o, []byte("a check writes this, and removes it\n"))
	switch {
	case err == nil && !r.overwrite:
		sdk.Log(ctx).Warn("the store does not know conditional writes: no other pipeline may write to this path",
			"path", t.root+"/"+t.rest)
	case err != nil && !errors.Is(err, objects.ErrExists):
		return err
	}
	return r.store.Remove(ctx, key)
}
