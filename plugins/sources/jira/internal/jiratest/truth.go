// Books: what exists, stream by stream, straight from the store and without the
// cuts, pages and refusals of the routes. A differential test compares its
// harvest with them.

package jiratest

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Line is one line of a book.
type Line struct {
	Parent string          // id of the issue, project, board or the like that it belongs to
	JSON   json.RawMessage // as the route of one such object, or of its list, shows it
}

// Book holds the lines of a stream by their keys: the id, or for what has no id
// of its own the parts of its key joined by slashes, the widest first.
type Book map[string]Line

// Books are the books of a server as they stand at each call. Hidden and
// archived issues and what belongs to projects that are not live is not in them.
type Books struct {
	server        *Server
	base, account string
}

// Books returns the books with addresses that begin with base, the URL of the
// server, as the account of that name sees them; "" is the anonymous caller.
func (s *Server) Books(base, account string) Books { return Books{s, base, account} }

// Names lists the streams that there are books of.
func (b Books) Names() []string {
	var names []string
	for name := range booksOfIssues() {
		names = append(names, name)
	}
	for name := range booksOfLists(b.server.options.Flavour) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Of returns the book of a stream. It panics if there is none of that name.
func (b Books) Of(stream string) Book {
	b.server.store.mu.RLock()
	defer b.server.store.mu.RUnlock()
	k := &keeper{book: Book{}, call: call{server: b.server, out: &bytes.Buffer{},
		version: versions(b.server.options.Flavour)[0], who: caller{name: b.account, sees: true}}}
	if keep, ok := booksOfIssues()[stream]; ok {
		for _, r := range b.server.store.all {
			if r.found() {
				keep(k, r)
			}
		}
	} else if keep, ok := booksOfLists(b.server.options.Flavour)[stream]; ok {
		keep(k)
	} else {
		panic("jiratest: there is no book of " + stream)
	}
	k.here(b.base)
	return k.book
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

// keeper writes a book with the renderers of the routes.
type keeper struct {
	call
	book Book
}

// add writes a line.
func (k *keeper) add(key, parent string, write func()) {
	k.out.Reset()
	write()
	k.book[key] = Line{parent, bytes.Clone(bytes.TrimSpace(k.out.Bytes()))}
}

func (k *keeper) raw(key, parent string, raw []byte) {
	k.book[key] = Line{parent, bytes.Clone(raw)}
}

// here puts the address of the server into all lines.
func (k *keeper) here(base string) {
	for key, line := range k.book {
		line.JSON = bytes.ReplaceAll(line.JSON, []byte(apiRoot), []byte(base+"/rest/api/"+k.version))
		line.JSON = bytes.ReplaceAll(line.JSON, []byte(site), []byte(base))
		k.book[key] = line
	}
}
