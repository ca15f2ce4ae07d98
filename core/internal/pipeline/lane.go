// lane: how many splits are read at once after the source has died.

package pipeline

import (
	"context"
	"sync"
)

// lane lets splits be read side by side, and a suspect alone. When the source's process dies, every split
// that was being read is a suspect: each goes on alone until it has delivered a group. So a split that
// kills the source is found, and no other is blamed for it.
type lane struct {
	mu      sync.Mutex
	shared  int
	alone   bool
	waiting int           // suspects that want to go alone: nobody else enters meanwhile
	change  chan struct{} // closed and replaced when somebody leaves
}

func newLane() *lane { return &lane{change: make(chan struct{})} }

// enter waits for a place.
func (l *lane) enter(ctx context.Context, alone bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if alone {
		l.waiting++
		defer func() { l.waiting--; l.changed() }()
	}
	for !l.free(alone) {
		change := l.change
		l.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
		}
		l.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if alone {
		l.alone = true
	} else {
		l.shared++
	}
	return nil
}

func (l *lane) free(alone bool) bool {
	if alone {
		return !l.alone && l.shared == 0
	}
	return !l.alone && l.waiting == 0
}

// share makes the one that is alone one of many.
func (l *lane) share() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alone = false
	l.shared++
	l.changed()
}

// leave gives the place back.
func (l *lane) leave(alone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if alone {
		l.alone = false
	} else {
		l.shared--
	}
	l.changed()
}

func (l *lane) changed() {
	close(l.change)
	l.change = make(chan struct{})
}
