// Locks whose waits end with a context, unlike those of package sync: a holder may keep one for as
// long as a plugin's call.

package pipeline

import (
	"context"
	"sync"
)

// lane is a shared/exclusive lock. A waiting exclusive holder keeps new shared ones out.
type lane struct {
	mu      sync.Mutex
	shared  int
	alone   bool
	waiting int           // number that wait for exclusive use
	change  chan struct{} // closed and replaced when a holder leaves
}

func newLane() *lane { return &lane{change: make(chan struct{})} }

// enter takes the lock, exclusively if alone.
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

// share turns exclusive use into shared use.
func (l *lane) share() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alone = false
	l.shared++
	l.changed()
}

// leave releases the lock.
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

// turn is a mutex.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take locks the mutex, or returns the error of ctx.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
