// The media host: the other server that Cloud's attachments come from.

package jiratest

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// media has the address of the media host and its requests.
type media struct {
	mu   sync.Mutex
	base string
	seen []http.Header
}

func (m *media) address() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.base
}

// Media is the handler of the media host. Serve it as a separate server and set its address with
// MediaAt.
func (s *Server) Media() http.Handler { return http.HandlerFunc(s.serveMedia) }

// MediaAt sets the address of the media host, such as the URL of a test server. Until then
// attachments of Cloud redirect to the server itself.
func (s *Server) MediaAt(base string) {
	s.media.mu.Lock()
	defer s.media.mu.Unlock()
	s.media.base = base
}

// MediaRequests returns the headers of all requests to the media host, so that a test can check
// whether credentials were sent.
func (s *Server) MediaRequests() []http.Header {
	s.media.mu.Lock()
	defer s.media.mu.Unlock()
	return append([]http.Header(nil), s.media.seen...)
}

// serveMedia answers anyone who has a signed address, without a login.
func (s *Server) serveMedia(w http.ResponseWriter, r *http.Request) {
	s.media.mu.Lock()
	s.media.seen = append(s.media.seen, r.Header.Clone())
	s.media.mu.Unlock()
	var id int64
	if _, err := fmt.Sscanf(r.URL.Path, "/media/file/%d/binary", &id); err != nil {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("token") != strconv.FormatUint(mix(s.options.Seed, uint64(id)), 16) {
		http.Error(w, "the signature is wrong", http.StatusForbidden)
		return
	}
	a, ok := s.attachmentCopy(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	serveBytes(w, r, a.name, a.mime, a.bytesOf())
}

func (s *Server) attachmentCopy(id int64) (attachment, bool) {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	for _, r := range s.store.all {
		for _, a := range r.attachments {
			if a.id == id {
				return a, true
			}
		}
	}
	return attachment{}, false
}
