// Locks whose waits end with a context, unlike those of package sync: a holder may keep one for as
// long as a plugin's call.

package pipeline

import (
	"context"
	"sync"
)

// sharedLock is a shared/exclusive lock. A waiting exclusive holder keeps new shared ones out.
type sharedLock struct {
	mu        sync.Mutex
	shared    int
	exclusive bool
	waiting   int           // number that wait for exclusive use
	change    chan struct{} // closed and replaced when a holder leaves
}

func newSharedLock() *sharedLock { return &sharedLock{change: make(chan struct{})} }

// lock takes the lock, exclusively if alone.
func (l *sharedLock) lock(ctx context.Context, exclusive bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if exclusive {
		l.waiting++
		defer func() { l.waiting--; l.changed() }()
	}
	for !l.available(exclusive) {
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
	if exclusive {
		l.exclusive = true
	} else {
		l.shared++
	}
	return nil
}

func (l *sharedLock) available(exclusive bool) bool {
	if exclusive {
		return !l.exclusive && l.shared == 0
	}
	return !l.exclusive && l.waiting == 0
}

// downgrade turns exclusive use into shared use.
func (l *sharedLock) downgrade() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exclusive = false
	l.shared++
	l.changed()
}

// unlock releases the lock.
func (l *sharedLock) unlock(exclusive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if exclusive {
		l.exclusive = false
	} else {
		l.shared--
	}
	l.changed()
}

func (l *sharedLock) changed() {
	close(l.change)
	l.change = make(chan struct{})
}

// mutex is a mutex.
type mutex chan struct{}

func newMutex() mutex { return make(mutex, 1) }

// lock locks the mutex, or returns the error of ctx.
func (t mutex) lock(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t mutex) unlock() { <-t }
