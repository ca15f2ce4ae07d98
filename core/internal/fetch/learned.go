// learned: what was learned of hosts, kept in a file from one run to the next, so that the next needs no refusals to
// learn it again.

package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

const (
	learnedFresh = 36 * time.Hour     // longer ago, it is where the search begins, no more; a run a day is within it
	learnedOld   = 7 * 24 * time.Hour // longer ago, it is forgotten
	learnedMost  = 1 << 20            // bytes of a file that is read
	mostLearned  = 1e6                // requests a second: more is a mistake
)

// learnedFile is the content of the file.
type learnedFile struct {
	Version int                     `json:"version"`
	Hosts   map[string]learnedLimit `json:"hosts"`
}

// learnedLimit is what was learned of one host. Zeros are what was not learned.
type learnedLimit struct {
	Rate    float64   `json:"rate,omitzero"`    // requests a second, learned of refusals
	Ceiling float64   `json:"ceiling,omitzero"` // that was refused
	Crowd   int       `json:"crowd,omitzero"`   // requests under way, learned of refusals
	Latency float64   `json:"latency,omitzero"` // likewise, learned of the latency
	At      time.Time `json:"at"`
	// CrowdAt is when more than Crowd were last refused. A run that keeps to it is not refused, and so does not make it any truer.
	CrowdAt time.Time `json:"crowd_at,omitzero"`
}

// readLearned reads a file. One that is missing or makes no sense holds nothing: its limits are learned again.
func readLearned(path string) (learnedFile, error) {
	none := learnedFile{Version: 1, Hosts: map[string]learnedLimit{}}
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
	var f learnedFile
	if err := json.Unmarshal(raw, &f); err != nil || f.Version != 1 || f.Hosts == nil {
		return none, fmt.Errorf("%s holds no readable learned limits; it is written anew", path)
	}
	return f, nil
}

// writeLearned replaces the file as a whole: of two processes the last one wins.
func writeLearned(path string, f learnedFile) error {
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(path, append(raw, '\n'), false)
}

// recall begins with what an earlier run has learned, if nothing is known yet.
func (p *pace) recall(l learnedLimit, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := now.Sub(l.At)
	if age < 0 || age > learnedOld || !p.since.IsZero() || !math.IsInf(p.learned, 1) {
		return
	}
	if l.Rate >= leastLearned && l.Rate <= mostLearned {
		p.learned, p.proven, p.longest, p.stepAt = l.Rate, l.Rate, longest, now
		p.recalled = true
		if age < learnedFresh && l.Ceiling >= l.Rate && l.Ceiling <= 2*l.Rate {
			p.ceiling = l.Ceiling
		}
	}
	if since := now.Sub(l.CrowdAt); l.Crowd > 0 && l.Crowd < crowdSeen && since >= 0 && since <= learnedFresh {
		p.crowd.recall(l.Crowd, l.CrowdAt, now)
	}
	if l.Latency >= 1 && l.Latency < unlimited {
		p.gradient.most = l.Latency
	}
}

// lessons returns what is to be kept; false if there is nothing.
func (p *pace) lessons(now time.Time) (learnedLimit, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := learnedLimit{At: now}
	if !math.IsInf(p.learned, 1) {
		l.Rate = p.learned
		if !math.IsInf(p.ceiling, 1) {
			l.Ceiling = p.ceiling
		}
		if p.probing { // it is not known whether the host takes it
			l.Rate, l.Ceiling = max(p.proven, leastLearned), 0
		}
	}
	if l.Crowd = p.crowd.lesson(now); l.Crowd > 0 {
		l.CrowdAt = p.crowd.last
	}
	if !math.IsInf(p.gradient.most, 1) {
		l.Latency = p.gradient.most
	}
	return l, l.Rate > 0 || l.Crowd > 0 || l.Latency > 0
}

// learnedEvery is how often the file is written in a run, at most: what was learned since is lost if the process is killed.
const learnedEvery = 10 * time.Second

// taught writes the file after a refusal that has taught something, if it is time: a run that is killed has then learned for the next one all the same.
func (hs *hosts) taught(now time.Time) {
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

// keepLearned writes what the hosts have taught into the file, beside what it holds of others.
func (hs *hosts) keepLearned(path string) error {
	f, err := readLearned(path)
	if err != nil {
		hs.log.Warn("learned limits", "error", err)
	}
	now, changed := time.Now(), err != nil
	for name, l := range f.Hosts {
		if now.Sub(l.At) > learnedOld {
			delete(f.Hosts, name)
			changed = true
		}
	}
	hs.mu.Lock()
	for _, h := range hs.m {
		for _, l := range append(h.buckets.all(), h.lane) {
			if lesson, ok := l.pace.lessons(now); ok {
				f.Hosts[l.key] = lesson
				changed = true
			}
		}
	}
	hs.mu.Unlock()
	if !changed {
		return nil
	}
	return writeLearned(path, f)
}
