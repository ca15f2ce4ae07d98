// Lanes and turns: who goes side by side, and who alone. Their waits end with a context, as those
// of the mutexes of package sync do not: what is awaited may take as long as a plugin's call.

package pipeline

import (
	"context"
	"sync"
)

// lane lets many in side by side, or one alone. Who wants to be alone waits for those inside, and
// nobody else enters meanwhile.
type lane struct {
	mu      sync.Mutex
	shared  int
	alone   bool
	waiting int           // those that want to be alone
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

// turn is held by one at a time.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits until nobody holds the turn, or ctx ends.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
