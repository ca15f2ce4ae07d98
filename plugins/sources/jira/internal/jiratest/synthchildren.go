// The children of a synthetic issue: attachments, votes, watchers, remote links
// and properties.

package jiratest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// children uses random numbers of its own, so that the texts of an issue do not change if something
// is added here.
func (g *generator) children(r *record, s *story) {
	rng := rand.New(rand.NewPCG(g.server.options.Seed^uint64(r.num), hashText(g.project.key)))
	g.attach(r, s, rng)
	g.schedule(r, s, rng)
	r.watchers = g.people(rng, 1+rng.IntN(9))
	r.voters = g.people(rng, max(0, rng.IntN(12)-8))
	for i := range max(0, rng.IntN(14)-11) {
		id := g.server.store.nextSub()
		number := 1 + rng.IntN(20_000)
		r.remotes = append(r.remotes, remoteLink{id: id, global: fmt.Sprintf("pull=%d-%d", number, i),
			relations: "is implemented by",
			url:       fmt.Sprintf("https://code.example.com/%s/pull/%d", g.project.key, number),
			title:     fmt.Sprintf("Pull Request #%d", number), resolved: s.resolution != ""})
	}
	if rng.IntN(12) == 0 {
		r.properties = append(r.properties,
			property{"triage.score", json.RawMessage(fmt.Sprintf(`{"score":%d,"by":"rules"}`, rng.IntN(100)))})
	}
	if rng.IntN(30) == 0 {
		r.properties = append(r.properties, property{"release-notes", json.RawMessage(`"needed"`)})
	}
}

// attach adds files to some issues, many to a few.
func (g *generator) attach(r *record, s *story, rng *rand.Rand) {
	n := 0
	if rng.IntN(100) < 12 {
		n = 1 + max(0, rng.IntN(8)-5)
	}
	for range n {
		f := attachmentKinds[rng.IntN(len(attachmentKinds))]
		name := f.name
		if name == "" {
			name = r.key() + ".patch"
		}
		r.attachments = append(r.attachments,
			attachment{id: g.server.store.nextSub(), name: name, author: s.reporter.raw,
				created: r.created.Add(time.Duration(rng.IntN(3600)) * time.Second), size: 1000 + rng.IntN(400_000),
				mime: f.mime})
	}
}

// attachmentKinds are names of files; "" is a patch named after the issue.
var attachmentKinds = [...]struct{ name, mime string }{
	{"threads.txt", "text/plain"}, {"", "text/x-patch"}, {"heap-after-2h.png", "image/png"},
	{"server.log.gz", "application/gzip"},
	{"Zählerstand & 遥.txt", "text/plain"},
}

// people returns n different people.
func (g *generator) people(rng *rand.Rand, n int) []*user {
	people := g.server.people
	first := rng.IntN(len(people))
	var out []*user
	for i := range min(n, len(people)) {
		out = append(out, people[(first+i*5)%len(people)])
	}
	slices.SortFunc(out, func(a, b *user) int { return a.order - b.order })
	return slices.Compact(out)
}
