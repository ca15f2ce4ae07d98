package disk

import (
	"fmt"
	"sync/atomic"
)

// Room bounds the disk space of several files together. A nil Room has no bound. It is safe for
// concurrent use.
type Room struct {
	max  int64
	used atomic.Int64
}

// NewRoom returns a Room of so many bytes.
func NewRoom(bytes int64) *Room { return &Room{max: bytes} }

// FullError says that the bound is reached.
type FullError struct{ Max int64 }

func (e *FullError) Error() string {
	return fmt.Sprintf("what this run keeps on disk until it is used would be more than pipeline.max_spool (%d "+
		"bytes): "+
		"let the source read its replies to the end and give cursors more often, or raise the limit", e.Max)
}

// Take reserves n bytes before they are written. If there are not enough, it reserves nothing.
func (r *Room) Take(n int64) error {
	if r == nil {
		return nil
	}
	if r.used.Add(n) > r.max {
		r.used.Add(-n)
		return &FullError{r.max}
	}
	return nil
}

// Give releases n bytes.
func (r *Room) Give(n int64) {
	if r != nil {
		r.used.Add(-n)
	}
}

// Mostly reports whether n bytes are more than half of the bound, so that waiting for others would
// not help.
func (r *Room) Mostly(n int64) bool { return r != nil && n > r.max/2 }
