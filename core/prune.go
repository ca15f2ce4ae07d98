// Prune: removes what no run needs any more, after its retention time.

package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/deadletter"
	"github.com/scrapekit/scrapekit/core/internal/fetch/cache"
)

// Pruned counts what was removed.
type Pruned struct {
	Runs    int   // runs removed from the state
	Folders int   // folders of runs, with reports and dead letters
	Replies int   // cached replies
	Bytes   int64 // freed on disk, including free pages of the state file
}

// Prune removes what is older than the file's retention, and returns free pages of the state file
// to the disk.
func (p *Pipeline) Prune(ctx context.Context) (done Pruned, err error) {
	err = p.change(ctx, func(s checkpoint.Store) error {
		before := sizeOf(p.home().Store())
		if done, err = p.prune(ctx, s, -1); err != nil {
			return err
		}
		if err := p.pruneCaches(&done); err != nil {
			return err
		}
		if err := s.Admin().Compact(ctx); err != nil {
			return err
		}
		done.Bytes += max(0, before-sizeOf(p.home().Store()))
		return nil
	})
	return done, err
}

// prunedAtOnce bounds how many folders of old runs a run removes at its end, so that it does not
// wait for years of them.
const prunedAtOnce = 200

// pruneSome prunes at the end of a run. An error is logged and does not fail the run.
func (p *Pipeline) pruneSome(ctx context.Context, s checkpoint.Store) {
	if _, err := p.prune(ctx, s, prunedAtOnce); err != nil {
		p.logger.Warn("old runs could not be removed; `scrapekit state prune` does that too", "error", err)
	}
}

// prune forgets old runs and removes at most n of their folders; a negative n: all.
func (p *Pipeline) prune(ctx context.Context, s checkpoint.Store, n int) (done Pruned, err error) {
	keep := p.config.Retention
	runs, err := s.View().Runs(ctx, keep.Runs)
	if err != nil {
		return done, err
	}
	if len(runs) == keep.Runs {
		if done.Runs, err = s.Admin().Prune(ctx, keep.Runs); err != nil {
			return done, err
		}
	}
	folders, err := p.oldFolders(runs)
	if err != nil {
		return done, fmt.Errorf("folders of runs: %w", err)
	}
	for _, run := range folders {
		if n >= 0 && done.Folders == n || ctx.Err() != nil {
			break
		}
		if p.rejectsOf(run, keep) {
			continue
		}
		size := sizeOf(p.home().Run(run))
		if err := os.RemoveAll(p.home().Run(run)); err != nil {
			return done, fmt.Errorf("folders of runs: %w", err)
		}
		done.Folders++
		done.Bytes += size
	}
	return done, ctx.Err()
}

// oldFolders returns the names of run folders that belong to none of these runs and are not among
// the newest len(runs) names. The second condition keeps the reports if the state was moved away.
func (p *Pipeline) oldFolders(runs []checkpoint.RunInfo) (old []string, err error) {
	all, err := os.ReadDir(p.home().Runs()) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(e fs.DirEntry) bool { return !runID.MatchString(e.Name()) })
	kept := map[string]bool{}
	for _, r := range runs {
		kept[r.ID] = true
	}
	for _, e := range all[:max(0, len(all)-p.config.Retention.Runs)] {
		if !kept[e.Name()] {
			old = append(old, e.Name())
		}
	}
	return old, nil
}

// runID matches the ids that newRunID makes. Other folders are not runs and stay.
var runID = regexp.MustCompile(`^\d{8}-\d{6}-[0-9a-f]{4}$`)

// rejectsOf reports whether a run has dead letters within their retention.
func (p *Pipeline) rejectsOf(run string, keep config.Retention) bool {
	files, err := filepath.Glob(filepath.Join(p.home().Run(run), deadletter.Files))
	for _, file := range files {
		info, statErr := os.Stat(file)
		if statErr != nil || time.Since(info.ModTime()) < keep.Rejects {
			return true
		}
	}
	return err != nil
}

// pruneCaches removes replies that were not used for long, and the caches of blocks that the file
// no longer has. A run does the former when it opens a cache.
func (p *Pipeline) pruneCaches(done *Pruned) error {
	var blocks []string
	for _, b := range p.blocks() {
		if c := b.HTTP.Cache; c != nil {
			dir := p.cacheDir(b)
			blocks = append(blocks, filepath.Base(dir))
			before, count := sizeOf(dir), filesIn(dir)
			if count == 0 {
				continue
			}
			if _, err := cache.Open(dir, c.MaxSize, p.config.Retention.Replies); err != nil {
				return err
			}
			done.Replies += count - filesIn(dir)
			done.Bytes += before - sizeOf(dir)
		}
	}
	caches, err := os.ReadDir(p.home().Caches())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, c := range caches {
		dir := p.home().Cache(c.Name())
		if slices.Contains(blocks, c.Name()) {
			continue
		}
		done.Replies += filesIn(dir)
		done.Bytes += sizeOf(dir)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// sizeOf returns the bytes of all files below a path, or of the file itself.
func sizeOf(path string) (n int64) {
	eachFile(path, func(info fs.FileInfo) { n += info.Size() })
	return n
}

// filesIn returns the number of files below a path.
func filesIn(path string) (n int) {
	eachFile(path, func(fs.FileInfo) { n++ })
	return n
}

// eachFile calls f for each file below a path. It skips files that vanish or cannot be read.
func eachFile(path string, f func(fs.FileInfo)) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // see above
		}
		if info, err := d.Info(); err == nil {
			f(info)
		}
		return nil
	})
}
