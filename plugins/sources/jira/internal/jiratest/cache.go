// Caches: replies that stay the same until the store changes, so that a benchmark of a reader
// measures the reader.

package jiratest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// gate is the lock of the store. It counts the changes.
type gate struct {
	sync.RWMutex
	changes atomic.Uint64
}

// Lock is for changes.
func (g *gate) Lock() {
	g.RWMutex.Lock()
	g.changes.Add(1)
}

// Sizes of the caches.
const (
	cachedBytes     = 96 << 20
	cachedQueries   = 64
	cachedDocuments = 10_000
)

// cache holds rendered issues and results of queries as of one change.
type cache struct {
	mu      sync.Mutex
	as      uint64 // number of the change
	size    int
	views   map[string]map[int64]piece
	queries map[string][]hit
	orders  map[string][]hit // all issues, by the sort keys
	docs    map[string][]byte
}

// piece is an issue in two parts. The volatile field stands between them, if the issue has it.
type piece struct {
	head, tail []byte
	volatile   bool
}

// fresh empties the cache if the store has changed. The caller holds mu.
func (k *cache) fresh(changes uint64) {
	if k.views == nil || k.as != changes {
		k.as, k.size, k.views, k.queries = changes, 0, map[string]map[int64]piece{}, map[string][]hit{}
		k.orders, k.docs = map[string][]hit{}, map[string][]byte{}
	}
}

func (k *cache) issue(changes uint64, view string, id int64) (piece, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	p, ok := k.views[view][id]
	return p, ok
}

func (k *cache) keep(changes uint64, view string, id int64, p piece) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	if k.size += len(p.head) + len(p.tail); k.size > cachedBytes {
		return
	}
	if k.views[view] == nil {
		k.views[view] = map[int64]piece{}
	}
	k.views[view][id] = p
}

func (k *cache) query(changes uint64, name string) ([]hit, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	hits, ok := k.queries[name]
	return hits, ok
}

func (k *cache) keepQuery(changes uint64, name string, hits []hit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	if len(k.queries) >= cachedQueries {
		clear(k.queries)
	}
	k.queries[name] = hits
}

// all returns every issue in an order without ties.
func (k *cache) all(changes uint64, order ordering, records []*record) []hit {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	name := fmt.Sprint(order.keys)
	hits, ok := k.orders[name]
	if !ok {
		hits = order.sorted(records, func(*record) bool { return true })
		k.orders[name] = hits
	}
	return hits
}

func (k *cache) document(changes uint64, text string) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	doc, ok := k.docs[text]
	return doc, ok
}

func (k *cache) keepDocument(changes uint64, text string, doc []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh(changes)
	if len(k.docs) < cachedDocuments {
		k.docs[text] = doc
	}
}

// view identifies everything that decides how an issue is written for this caller.
func (c *call) view(sel *selection, expand map[string]bool) string {
	return fmt.Sprintf("%v|%v|%s|%s|%s|%t|%d", *sel, slices.Sorted(maps.Keys(expand)), c.version, c.base(), c.who.name,
		c.wide, c.embedded)
}

// page writes issues, from the cache if they are in it. Their addresses are already set.
func (c *call) page(page []hit, sel *selection, expand map[string]bool) {
	view := c.view(sel, expand)
	changes := c.server.store.mu.changes.Load()
	for i, h := range page {
		if i > 0 {
			c.out.WriteByte(',')
		}
		p, ok := c.server.cache.issue(changes, view, h.id)
		if !ok {
			p = c.piece(h.record, sel, expand)
			c.server.cache.keep(changes, view, h.id, p)
		}
		c.out.Write(p.head)
		if p.volatile {
			c.volatile(h.record)
			c.out.Write(p.tail)
		}
	}
	c.placed = true
}

// piece renders an issue for the cache.
func (c *call) piece(r *record, sel *selection, expand map[string]bool) piece {
	at := c.out.Len()
	c.hole = -1
	c.cut = true
	c.issue(r, sel, expand)
	c.cut = false
	raw, hole := c.out.Bytes()[at:], c.hole-at
	if c.hole < 0 {
		hole = len(raw)
	}
	p := piece{head: c.place(raw[:hole]), tail: c.place(raw[hole:]), volatile: c.hole >= 0}
	c.out.Truncate(at)
	return p
}

// place returns a copy with the caller's address instead of the placeholders.
func (c *call) place(raw []byte) []byte {
	here := c.base()
	out := make([]byte, 0, len(raw)+64)
	for {
		before, after, found := bytes.Cut(raw, []byte(site))
		out = append(out, before...)
		if !found {
			return out
		}
		out = append(out, here...)
		if rest, api := bytes.CutPrefix(after, []byte(apiRoot[len(site):])); api {
			out, after = append(append(out, "/rest/api/"...), c.version...), rest
		}
		raw = after
	}
}

// buffer returns a pooled buffer for a reply.
func (s *Server) buffer() *bytes.Buffer {
	if b, ok := s.buffers.Get().(*bytes.Buffer); ok {
		return b
	}
	return &bytes.Buffer{}
}

func (s *Server) release(b *bytes.Buffer) {
	b.Reset()
	s.buffers.Put(b)
}
