// The truth: what exists, stream by stream, straight from the store, without the truncated lists,
// pages and refusals of the routes. A differential test compares what it has read with it.

package jiratest

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Line is one true record.
type Line struct {
	Parent string          // id of its parent: an issue, a project, a board and so on
	JSON   json.RawMessage // as the route of one such object, or of its list, returns it
}

// TrueRecords are the records of a stream by their keys. The key is the id or, if there is none,
// the parts of the key joined by slashes, the widest first.
type TrueRecords map[string]Line

// Truth has the true records of a server, as they are at each call. It leaves out hidden and
// archived issues, and everything of projects that are not live.
type Truth struct {
	server        *Server
	base, account string
}

// Truth returns the true records with addresses that begin with base, the URL of the server, as
// that account sees them; "" is the anonymous caller.
func (s *Server) Truth(base, account string) Truth { return Truth{s, base, account} }

// Names lists the streams that have true records.
func (b Truth) Names() []string {
	var names []string
	for name := range truthOfIssues() {
		names = append(names, name)
	}
	for name := range truthOfLists(b.server.options.Flavour) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Of returns the true records of a stream. It panics if the stream is unknown.
func (b Truth) Of(stream string) TrueRecords {
	b.server.store.mu.RLock()
	defer b.server.store.mu.RUnlock()
	k := &truthWriter{records: TrueRecords{}, call: call{server: b.server, out: &bytes.Buffer{},
		version: versions(b.server.options.Flavour)[0], who: caller{name: b.account, sees: true}}}
	if keep, ok := truthOfIssues()[stream]; ok {
		for _, r := range b.server.store.all {
			if r.found() {
				keep(k, r)
			}
		}
	} else if keep, ok := truthOfLists(b.server.options.Flavour)[stream]; ok {
		keep(k)
	} else {
		panic("jiratest: there is no book of " + stream)
	}
	k.here(b.base)
	return k.records
}

// AttachmentBytes returns the content of an attachment, nil if there is none.
func (s *Server) AttachmentBytes(id string) []byte {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	for _, r := range s.store.all {
		for i := range r.attachments {
			if decimal(r.attachments[i].id) == id {
				return r.attachments[i].bytesOf()
			}
		}
	}
	return nil
}

// truthWriter collects true records with the renderers of the routes.
type truthWriter struct {
	call
	records TrueRecords
}

// add adds a record.
func (k *truthWriter) add(key, parent string, write func()) {
	k.out.Reset()
	write()
	k.records[key] = Line{parent, bytes.Clone(bytes.TrimSpace(k.out.Bytes()))}
}

func (k *truthWriter) raw(key, parent string, raw []byte) {
	k.records[key] = Line{parent, bytes.Clone(raw)}
}

// here inserts the address of the server into all records.
func (k *truthWriter) here(base string) {
	for key, line := range k.records {
		line.JSON = bytes.ReplaceAll(line.JSON, []byte(apiRoot), []byte(base+"/rest/api/"+k.version))
		line.JSON = bytes.ReplaceAll(line.JSON, []byte(site), []byte(base))
		k.records[key] = line
	}
}
