// How much of what a plugin says is logged: one that says the same without end fills a disk, or a
// terminal.

package pluginhost

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"
)

const (
	logBurst = 1 << 20   // bytes of lines that a plugin may log at once
	logRate  = 128 << 10 // and in each second
	lineCost = 100       // of a line's time, level and names, in bytes

	tellEvery = 10 * time.Second // that lines were left out
)

// limitedLog is the logger of one plugin: it leaves out lines when there are too many, and says how
// many. Lines below its level cost nothing.
type limitedLog struct {
	hclog.Logger
	bytes   *rate.Limiter
	leftOut *atomic.Int64
	tells   *rate.Sometimes
	pulse   *pulse
}

func limitLog(log hclog.Logger, p *pulse) limitedLog {
	return limitedLog{log, rate.NewLimiter(logRate, logBurst), &atomic.Int64{}, &rate.Sometimes{Interval: tellEvery}, p}
}

// Log is the way of all lines of the plugin: see [lines] and [logTo].
func (l limitedLog) Log(level hclog.Level, message string, args ...any) {
	l.pulse.beat()
	if level < l.GetLevel() {
		return
	}
	size := lineCost + len(message)
	for _, a := range args {
		if text, ok := a.(string); ok {
			size += len(text)
		}
	}
	if !l.bytes.AllowN(time.Now(), min(size, logBurst)) {
		l.leftOut.Add(1)
		return
	}
	if l.leftOut.Load() > 0 {
		l.tells.Do(l.tell)
	}
	l.Logger.Log(level, message, args...)
}

// Debug is a line of what is no log.
func (l limitedLog) Debug(message string, args ...any) { l.Log(hclog.Debug, message, args...) }

// With keeps the limit: it is the plugin's.
func (l limitedLog) With(args ...any) hclog.Logger {
	l.Logger = l.Logger.With(args...)
	return l
}

// tell says what was left out since it was last said.
func (l limitedLog) tell() {
	if n := l.leftOut.Swap(0); n > 0 {
		l.Warn("lines of the plugin's log are left out, because it logs too much", "lines", n, "bytes_per_second",
			logRate)
	}
}
