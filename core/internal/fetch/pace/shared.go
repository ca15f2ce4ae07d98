// What the processes that ask one host tell each other, so that they learn as one.

package pace

import (
	"math"
	"time"
)

func (p *Pace) news() news {
	n := news{learned: p.learned, ceiling: p.ceiling, proven: p.proven, longest: p.longest, paused: p.paused.Seconds()}
	if p.probing {
		n.probing = 1
	}
	if !p.refusedAt.IsZero() {
		n.refused = float64(p.refusedAt.UnixMicro()) / 1e6
	}
	return n
}

// News returns what was learned since it was last asked, as numbers for the other processes; nil if
// nothing was.
func (p *Pace) News() []float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.news()
	if n == p.told || n.refused == 0 || math.IsInf(p.learned, 1) {
		return nil
	}
	p.told = n
	return []float64{n.learned, n.ceiling, n.proven, n.longest, n.probing, n.refused, n.paused}
}

// Hear takes in the news of another process: it knows as much as that one now, and goes on from
// there.
func (p *Pace) Hear(numbers []float64, now time.Time) {
	if len(numbers) != 7 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := news{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]}
	if p.crowd.limit() < unlimited || !(n.learned >= leastLearned) || n.learned > mostLearned || !(n.ceiling > 0) ||
		!(n.proven >= 0) || !(n.longest > 0) {
		return
	}
	refusedAt := time.UnixMicro(int64(n.refused * 1e6))
	p.learned, p.ceiling, p.proven, p.longest, p.probing = n.learned, n.ceiling, n.proven, n.longest, n.probing == 1
	p.stepAt, p.stepTaken, p.recalled = now, 0, false
	if refusedAt.After(p.refusedAt) && !refusedAt.After(now) {
		p.refusedAt, p.paused, p.stale = refusedAt, time.Duration(n.paused*float64(time.Second)), true
		p.window = 1
	}
	p.told = p.news()
}
