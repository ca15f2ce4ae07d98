// Package machine makes the processes of one machine keep one pace for each host. What they have to
// know of each other lies in one file of a fixed size, under a lock of the system, which is free
// again however a process ends: for each host the end of its pause, when the next place of its
// schedule comes, how many places were taken, who asks it with which limit of the rate, and some
// numbers that one of them has left for the others.
//
// The file holds nothing that is of use later: what was written by processes that have been silent
// for some seconds counts no more. If it cannot be read or written, each process keeps its own
// pace.
package machine

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	slots        = 1024
	size         = 320 // bytes of a slot
	probes       = 16  // slots in which a host may be
	holders      = 8   // processes in a slot
	notes        = 7   // numbers that one may leave
	alive        = 10 * time.Second
	signInterval = time.Second // interval of signs of life of a process without a rate limit
	// maxAhead bounds the shared schedule and pauses. What is later is a quota, which may be of
	// another account, and every process is told of it anyway.
	maxAhead = time.Hour
)

// Limiter is the process's own limiter, with a schedule of its own.
type Limiter interface {
	reserve
	SetRate(key string, perSecond float64, burst int)
}

// Shared is a limiter whose pauses and schedules apply to all processes with the same file. Its
// methods may be called by several goroutines at the same time.
type Shared struct {
	own  Limiter
	file *os.File
	lock *flock.Flock
	id   uint64
	fail func(error)

	mu    sync.Mutex
	hosts map[string]*host
	once  sync.Once // guards fail
}

// host is this process's state of a host.
type host struct {
	rate     float64
	burst    int
	slot     int // -1: no slot was free
	sum      uint64
	lastSign time.Time
	mine     uint64    // places reserved since the last sign of life
	others   uint64    // places that others reserved, not reported yet
	count    uint64    // of the slot, when last read
	live     int       // processes that use the host, including this one
	note     uint64    // the latest that is known, and
	unread   []float64 // what it says, not yet told
}

// slot is the content of a slot.
type slot struct {
	sum   uint64 // hash of the host's name; 0: free
	until int64  // end of the pause, Unix nanoseconds
	by    uint64 // process that set the pause
	next  int64  // when the schedule is free again
	count uint64 // reserved places
	who   [holders]holder
	note  note
}

// note are numbers that a process leaves for the others.
type note struct {
	count   uint64 // of notes
	by      uint64
	numbers [notes]float64
}

type holder struct {
	id   uint64
	rate uint64 // bits of a float64; 0: none
	seen int64  // 0: free
}

// Open opens or makes the file at path. It calls fail once if the file becomes unusable.
func Open(path string, own Limiter, fail func(error)) (*Shared, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%s is no file for the pace of hosts", path)
	}
	return &Shared{own: own, file: f, lock: flock.New(path + ".lock"), id: rand.Uint64() | 1, fail: fail,
		hosts: map[string]*host{}}, nil
}

// Close closes the file.
func (s *Shared) Close() error { return s.file.Close() }

// SetRate sets this process's rate of a key. The lowest rate of all processes applies.
func (s *Shared) SetRate(key string, perSecond float64, burst int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(key)
	h.rate, h.burst, h.lastSign = perSecond, max(1, burst), time.Time{}
	s.own.SetRate(key, perSecond, burst)
}

// Live returns how many processes ask a host, this one included.
func (s *Shared) Live(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(1, s.host(key).live)
}

// Taken returns how many places the others have taken since it was last asked.
func (s *Shared) Taken(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(key)
	taken := int(min(h.others, 1<<30))
	h.others = 0
	return taken
}

// Tell leaves numbers, seven at most, for the other processes that ask a host.
func (s *Shared) Tell(key string, numbers []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(key)
	s.change(h, time.Now(), func(at *slot) {
		at.note.count++
		at.note.by, h.note = s.id, at.note.count
		copy(at.note.numbers[:], numbers)
	})
}

// Told returns the numbers that another process has left since it was last asked; nil: none.
func (s *Shared) Told(key string) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(key)
	unread := h.unread
	h.unread = nil
	return unread
}

// receive notes what a process that is alive has left.
func (s *Shared) receive(h *host, at slot, now time.Time) {
	if at.note.count == h.note || at.note.by == s.id {
		return
	}
	h.note = at.note.count
	at.each(now, func(w holder) {
		if w.id == at.note.by {
			h.unread = at.note.numbers[:]
		}
	})
}

func (s *Shared) host(key string) *host {
	h := s.hosts[key]
	if h == nil {
		sum := fnv.New64a()
		_, _ = sum.Write([]byte(key)) // never fails
		h = &host{rate: math.Inf(1), burst: 1, slot: -1, sum: sum.Sum64() | 1}
		s.hosts[key] = h
	}
	return h
}

// take takes n places in the schedule of a host and returns how long to wait for them, for a pause
// or for the schedule. They come no sooner than own, which is how long this process waits anyway: a
// place that it lets pass would be another's.
func (s *Shared) take(key string, n int, own time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, now := s.host(key), time.Now()
	// Usually the state in memory suffices.
	if n == 0 && h.slot >= 0 || n > 0 && h.slot >= 0 && math.IsInf(h.rate, 1) && now.Sub(h.lastSign) < signInterval {
		if at, ok := s.read(h.slot); ok && at.sum == h.sum && (n == 0 || math.IsInf(at.rate(now), 1)) {
			h.mine += uint64(n)
			s.receive(h, at, now)
			return at.pause(now, s.id)
		}
	}
	var wait time.Duration
	s.change(h, now, func(at *slot) {
		wait = at.pause(now, s.id)
		at.sign(s.id, h.rate, now)
		h.live = at.live(now)
		s.receive(h, *at, now)
		taken := h.mine + uint64(n)
		if h.count > 0 && at.count > h.count {
			h.others += at.count - h.count
		}
		at.count += taken
		h.count, h.mine, h.lastSign = at.count, 0, now
		if rate := at.rate(now); n > 0 && !math.IsInf(rate, 1) {
			wait = at.place(now.Add(max(wait, own)), rate, h.burst, n).Sub(now)
		}
	})
	return wait
}

// pause returns the rest of another process's pause; this process's own limiter keeps its own
// pauses.
func (at *slot) pause(now time.Time, me uint64) time.Duration {
	if at.by == me || at.until <= now.UnixNano() {
		return 0
	}
	left := time.Duration(at.until - now.UnixNano())
	if left > maxAhead {
		return 0
	}
	return left // it applies even if the process that received it is gone
}

// place reserves n places of a schedule at a rate.
func (at *slot) place(from time.Time, rate float64, burst, n int) time.Time {
	each := time.Duration(float64(time.Second) / rate)
	next := time.Unix(0, at.next)
	if next.Before(from.Add(-each*time.Duration(burst-1))) || next.After(from.Add(maxAhead)) {
		next = from.Add(-each * time.Duration(burst-1))
	}
	at.next = next.Add(each * time.Duration(n)).UnixNano()
	if next.Before(from) {
		return from
	}
	return next
}

// sign records that a process uses the host.
func (at *slot) sign(id uint64, rate float64, now time.Time) {
	best := 0
	for i, w := range at.who {
		if w.id == id {
			best = i
			break
		}
		if w.seen < at.who[best].seen {
			best = i
		}
	}
	at.who[best] = holder{id: id, seen: now.UnixNano()}
	if !math.IsInf(rate, 1) {
		at.who[best].rate = math.Float64bits(rate)
	}
}

func (at *slot) each(now time.Time, do func(holder)) {
	for _, w := range at.who {
		if w.id != 0 && now.Sub(time.Unix(0, w.seen)).Abs() < alive {
			do(w)
		}
	}
}

func (at *slot) live(now time.Time) (n int) {
	at.each(now, func(holder) { n++ })
	return n
}

// rate returns the lowest rate of all processes.
func (at *slot) rate(now time.Time) float64 {
	rate := math.Inf(1)
	at.each(now, func(w holder) {
		if r := math.Float64frombits(w.rate); r > 0 {
			rate = min(rate, r)
		}
	})
	return rate
}

func (s *Shared) read(i int) (at slot, ok bool) {
	var raw [size]byte
	if _, err := s.file.ReadAt(raw[:], int64(i)*size); err != nil {
		return at, false
	}
	word := func(n int) uint64 { return binary.LittleEndian.Uint64(raw[8*n:]) }
	at = slot{sum: word(0), until: int64(word(1)), by: word(2), next: int64(word(3)), count: word(4)}
	for n := range at.who {
		at.who[n] = holder{id: word(5 + 3*n), rate: word(6 + 3*n), seen: int64(word(7 + 3*n))}
	}
	const end = 5 + 3*holders
	at.note.count, at.note.by = word(end), word(end+1)
	for n := range at.note.numbers {
		at.note.numbers[n] = math.Float64frombits(word(end + 2 + n))
	}
	return at, true
}

// write writes a slot atomically.
func (s *Shared) write(i int, at slot) error {
	raw := make([]byte, 0, size)
	for _, w := range []uint64{at.sum, uint64(at.until), at.by, uint64(at.next), at.count} {
		raw = binary.LittleEndian.AppendUint64(raw, w)
	}
	for _, w := range at.who {
		for _, v := range []uint64{w.id, w.rate, uint64(w.seen)} {
			raw = binary.LittleEndian.AppendUint64(raw, v)
		}
	}
	raw = binary.LittleEndian.AppendUint64(raw, at.note.count)
	raw = binary.LittleEndian.AppendUint64(raw, at.note.by)
	for _, n := range at.note.numbers {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(n))
	}
	_, err := s.file.WriteAt(raw[:size], int64(i)*size)
	return err
}

// change changes the slot of a host under the lock. Without a slot or the lock, nothing is shared.
func (s *Shared) change(h *host, now time.Time, change func(*slot)) {
	if err := s.lock.Lock(); err != nil {
		s.broken(err)
		return
	}
	defer func() { _ = s.lock.Unlock() }() // closing the file releases it otherwise
	if !s.find(h, now) {
		return
	}
	at, ok := s.read(h.slot)
	if !ok || at.sum != h.sum {
		at = slot{sum: h.sum}
		h.count = 0
	}
	change(&at)
	if err := s.write(h.slot, at); err != nil {
		s.broken(err)
	}
}

// find finds the slot of a host: its own, a free one, or an abandoned one.
func (s *Shared) find(h *host, now time.Time) bool {
	free := -1
	for p := range probes {
		i := int((h.sum + uint64(p)) % slots)
		at, ok := s.read(i)
		if ok && at.sum == h.sum {
			h.slot = i
			return true
		}
		if free < 0 && (!ok || at.sum == 0 || at.live(now) == 0) {
			free = i
		}
	}
	h.slot = free
	return free >= 0
}

func (s *Shared) broken(err error) { s.once.Do(func() { s.fail(err) }) }
