// learned: learned limits of hosts, kept in a file, so that the next run needs no refusals to learn
// them.

package ratelimit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch/pace"
)

const learnedMost = 1 << 20 // bytes read of a file

// LearnedFile is the content of the file.
type LearnedFile struct {
	Version int                     `json:"version"`
	Hosts   map[string]pace.Learned `json:"hosts"`
}

// ReadLearned reads a file. A missing or invalid file is empty: its limits are learned again.
func ReadLearned(path string) (LearnedFile, error) {
	none := LearnedFile{Version: 1, Hosts: map[string]pace.Learned{}}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return none, nil
	case err != nil:
		return none, err
	case !info.Mode().IsRegular() || info.Size() > learnedMost:
		return none, fmt.Errorf("%s is not a file of learned limits", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return none, err
	}
	var f LearnedFile
	if err := json.Unmarshal(raw, &f); err != nil || f.Version != 1 || f.Hosts == nil {
		return none, fmt.Errorf("%s holds no readable learned limits; it is written anew", path)
	}
	return f, nil
}

// WriteLearned replaces the file atomically: of two processes, the last one wins.
func WriteLearned(path string, f LearnedFile) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(raw, '\n'), false)
}

// learnedEvery is the minimum interval of writing the file in a run. A kill loses what was learned
// since.
const learnedEvery = 10 * time.Second

// taught writes the file after an informative refusal, if the interval is over, so that a killed
// run keeps it too.
func (hs *Session) taught(now time.Time) {
	if hs.file == "" {
		return
	}
	hs.mu.Lock()
	due := now.Sub(hs.kept) >= learnedEvery
	if due {
		hs.kept = now
	}
	hs.mu.Unlock()
	if !due {
		return
	}
	if err := hs.keepLearned(hs.file); err != nil {
		hs.log.Warn("learned limits are not kept", "error", err)
	}
}

// keepLearned merges what was learned into the file.
func (hs *Session) keepLearned(path string) error {
	f, err := ReadLearned(path)
	if err != nil {
		hs.log.Warn("learned limits", "error", err)
	}
	now, changed := time.Now(), err != nil
	for name, l := range f.Hosts {
		if now.Sub(l.At) > pace.Forgotten {
			delete(f.Hosts, name)
			changed = true
		}
	}
	hs.mu.Lock()
	for _, h := range hs.m {
		for _, l := range append(h.buckets.all(), h.lane) {
			if lesson, ok := l.pace.Learned(now); ok {
				f.Hosts[l.key] = lesson
				changed = true
			}
		}
	}
	hs.mu.Unlock()
	if !changed {
		return nil
	}
	return WriteLearned(path, f)
}
