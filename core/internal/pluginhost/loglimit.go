// Limit of a plugin's log, which could otherwise fill a disk or a terminal.

package pluginhost

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"
)

const (
	logBurst = 1 << 20   // bytes that a plugin may log in a burst
	logRate  = 128 << 10 // bytes per second
	lineCost = 100       // bytes of a line's time, level and names

	tellEvery = 10 * time.Second // interval of reporting dropped lines
)

// limitedLog is the logger of one plugin. It drops lines above the limit and reports their number.
// Lines below its level do not count.
type limitedLog struct {
	hclog.Logger
	bytes    *rate.Limiter
	leftOut  *atomic.Int64
	reports  *rate.Sometimes
	activity *activity
}

func limitLog(log hclog.Logger, p *activity) limitedLog {
	return limitedLog{log, rate.NewLimiter(logRate, logBurst), &atomic.Int64{}, &rate.Sometimes{Interval: tellEvery}, p}
}

// Log receives all lines of the plugin: see [lines] and [logTo].
func (l limitedLog) Log(level hclog.Level, message string, args ...any) {
	l.activity.mark()
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
		l.reports.Do(l.reportDropped)
	}
	l.Logger.Log(level, message, args...)
}

// Debug logs output that is not a log entry.
func (l limitedLog) Debug(message string, args ...any) { l.Log(hclog.Debug, message, args...) }

// With keeps the limit, which applies to the plugin as a whole.
func (l limitedLog) With(args ...any) hclog.Logger {
	l.Logger = l.Logger.With(args...)
	return l
}

// reportDropped reports the number of dropped lines since the last report.
func (l limitedLog) reportDropped() {
	if n := l.leftOut.Swap(0); n > 0 {
		l.Warn("lines of the plugin's log are left out, because it logs too much", "lines", n, "bytes_per_second",
			logRate)
	}
}
