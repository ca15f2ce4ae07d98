// Reading a stream level by level, and then deleting what is gone.

package lists

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// reading is the reading of one split.
type reading struct {
	site  Site
	part  Part
	chain []*row
	out   *sdk.Writer

	at     cursor
	before snapshot
	seen   snapshot
	met    map[string]bool // in this pass over this list
	found  map[string]bool // of at.Found
	saves  saveState
}

// Read emits the records of a split from a cursor on.
func Read(ctx context.Context, site Site, p Part, from []byte, w *sdk.Writer) error {
	row := find(p.Stream)
	if row == nil || !row.available(site.Flavour) {
		return sdk.Permanent(fmt.Errorf("stream %q is not known here, on %s: start over with --full", p.Stream,
			site.Flavour))
	}
	at, err := decodeCursor(from)
	if err != nil || at.Done {
		return err
	}
	r := &reading{site: site, part: p, chain: row.chain(), out: w, at: at}
	if r.before, err = decodeSnapshot(p.Before); err != nil {
		return sdk.Permanent(err)
	}
	if r.seen, err = decodeSnapshot(at.Seen); err != nil {
		return sdk.Permanent(err)
	}
	r.seen.over = at.Over
	r.found = map[string]bool{}
	for _, values := range at.Found {
		r.found[strings.Join(values, separator)] = true
	}
	if from == nil {
		r.at.Parents = r.roots()
	}
	return r.run(ctx)
}

// roots are the parents of the first level: the site, or the named projects.
func (r *reading) roots() [][]string {
	if len(r.site.Projects) == 0 || r.chain[0].endpoint(r.site.Flavour).named == nil {
		return [][]string{{}}
	}
	var named [][]string
	for _, key := range r.site.Projects {
		named = append(named, []string{key})
	}
	return named
}

// row returns the row of the current level.
func (r *reading) row() *row { return r.chain[r.at.Level] }

// last reports whether the current level is that of the stream itself.
func (r *reading) last() bool { return r.at.Level == len(r.chain)-1 }

// endpoint returns the endpoint of the current level's lists.
func (r *reading) endpoint() *endpoint {
	e := r.row().endpoint(r.site.Flavour)
	if r.at.Level == 0 && e.named != nil && len(r.site.Projects) > 0 {
		return e.named
	}
	return e
}

// known returns what a parent of the current level passes on.
func (r *reading) known(n int) vars {
	values := r.at.Parents[n]
	if r.at.Level == 0 {
		if len(values) == 0 {
			return vars{}
		}
		return vars{"_named": values[0]}
	}
	known := vars{}
	for i, f := range r.chain[r.at.Level-1].passes {
		known[f.name] = values[i]
	}
	return known
}

func (r *reading) run(ctx context.Context) error {
	for {
		if err := r.level(ctx); err != nil {
			return err
		}
		if r.last() {
			return r.finish(ctx)
		}
		r.at.Level++
		r.at.Parents, r.at.Found, r.at.Next, r.found = r.at.Found, nil, 0, map[string]bool{}
		if err := r.save(ctx); err != nil {
			return err
		}
	}
}

// level reads the lists of all parents of a level.
func (r *reading) level(ctx context.Context) error {
	first := newAhead(ctx, len(r.at.Parents), func(ctx context.Context, n int) (page, error) {
		return r.site.fetch(ctx, r.endpoint(), r.known(n), 0, r.part.From)
	})
	defer first.stop()
	for r.at.Next < len(r.at.Parents) {
		if err := r.list(ctx, first); err != nil {
			return err
		}
	}
	return nil
}

// finish emits deletions, and saves the snapshot for the next run.
func (r *reading) finish(ctx context.Context) error {
	row := r.row()
	if err := r.site.Client.Stand(ctx); err != nil {
		return err
	}
	r.warn(ctx)
	switch {
	case row.created != "":
		r.keepRecent()
	case r.seen.over:
	case r.hidden():
		for key, hash := range r.before.hashes {
			if !r.seen.has(key) {
				r.seen.put(key, hash)
			}
		}
	default:
		if err := r.delete(ctx); err != nil {
			return err
		}
	}
	return r.out.Cursor(cursor{Done: true, Seen: r.seen.encode(), Over: r.seen.over, Top: r.at.Top})
}

// delete emits deletions of what only the last run saw.
func (r *reading) delete(ctx context.Context) error {
	row, gone := r.row(), int64(0)
	for _, key := range slices.Sorted(maps.Keys(r.before.hashes)) {
		if r.seen.has(key) || strings.HasPrefix(key, rejected) {
			continue
		}
		if slices.ContainsFunc(r.at.Hidden, func(of string) bool { return strings.HasPrefix(key, of) }) {
			r.seen.put(key, r.before.hashes[key])
			continue
		}
		gone++
		if err := r.out.Delete(row.name, row.splitKey(key)); err != nil {
			return err
		}
	}
	if gone > 0 {
		sdk.Count(ctx, row.name+"/deleted", gone)
	}
	return nil
}

// suspicious is the number of records that are unlikely to vanish together.
const suspicious = 10

// hidden reports whether records that were not seen may still exist, without knowing which.
func (r *reading) hidden() bool {
	return r.at.Why != "" && len(r.at.Hidden) < max(r.at.Refused, 1) || r.at.Cut || len(r.seen.hashes) == 0 &&
		len(r.before.hashes) >= suspicious
}

// warn reports, once, what this run did not read.
func (r *reading) warn(ctx context.Context) {
	log, name := sdk.Log(ctx), r.row().name
	dated := r.row().created != ""
	switch {
	case r.at.Refused == 0 && r.at.Why != "":
		log.Warn("the stream is left out of this run: the server does not give it to this account", "error", r.at.Why)
		sdk.Count(ctx, "streams left out/"+name, 1)
	case r.at.Refused > 0:
		log.Warn("some lists of the stream were refused and are left out; what they held before stays", "lists",
			r.at.Refused, "error", r.at.Why)
		sdk.Count(ctx, name+"/lists refused", int64(r.at.Refused))
	case r.at.Cut:
		log.Warn("the server gives less of this list than its total: the rest is missing, and nothing is deleted",
			"records", len(r.seen.hashes))
	case r.hidden() && !dated:
		log.Warn("the list is suddenly empty, as with an expired token: nothing is deleted", "records before",
			len(r.before.hashes))
	}
	if r.seen.over && !dated {
		log.Warn("the list is too long to remember: it comes whole in every run, and deletions are not seen")
	}
}

// keepRecent keeps only what the next run will meet again, of a list that is continued by time.
func (r *reading) keepRecent() {
	r.forget()
	kept := snapshot{}
	for key := range r.at.Recent {
		kept.put(key, 0)
	}
	// If nothing came, or not everything, the next run starts where this one did.
	if len(r.at.Recent) == 0 || r.at.Why != "" || r.at.Cut {
		kept = r.before
		r.at.Top = r.part.From + r.part.Overlap
	}
	r.seen = kept
}
