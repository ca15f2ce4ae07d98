// The JSON API of Google Cloud Storage, as a server of tests speaks it.

package filesinktest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// gcsObject is an object as the store describes it.
type gcsObject struct {
	Name     string            `json:"name"`
	Size     string            `json:"size,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func refuseGCS(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error": {"code": %d, "message": "a message", "errors": [{"reason": %q}]}}`, status, reason)
}

func (s *Objects) serveGCS(w http.ResponseWriter, r *http.Request, body []byte) {
	query := r.URL.Query()
	before, rest, _ := strings.Cut(r.URL.Path, "/storage/v1/b/")
	bucket, key, _ := strings.Cut(rest, "/o")
	before, isUpload := strings.CutSuffix(before, "/upload")
	at := before + "/" + bucket // of the bucket's objects
	switch {
	case isUpload && query.Has("upload_id"):
		s.resumed(w, r, query.Get("upload_id"), body)
	case isUpload && r.Method == http.MethodPost:
		s.insert(w, r, at, body)
	case key == "" && r.Method == http.MethodGet:
		keys, next := s.keys(at, query.Get("prefix"), query.Get("pageToken"))
		var page struct {
			Items         []gcsObject `json:"items,omitempty"`
			NextPageToken string      `json:"nextPageToken,omitempty"`
		}
		for _, key := range keys {
			page.Items = append(page.Items, gcsObject{Name: key})
		}
		page.NextPageToken = next
		_ = json.NewEncoder(w).Encode(page) // the connection's errors are the client's matter
	case s.size(at+key) < 0:
		refuseGCS(w, http.StatusNotFound, "notFound")
	case r.Method == http.MethodDelete:
		_ = os.Remove(s.file(at + key))
		w.WriteHeader(http.StatusNoContent)
	default:
		s.describe(w, at+key)
	}
}

func (s *Objects) targetGCS(r *http.Request) string {
	query := r.URL.Query()
	if u := s.uploads[query.Get("upload_id")]; u != nil {
		return u.key
	}
	_, rest, _ := strings.Cut(r.URL.Path, "/storage/v1/b/")
	bucket, key, _ := strings.Cut(rest, "/o")
	return "/" + bucket + cmp.Or(key, "/"+query.Get("name"))
}

func (s *Objects) describe(w http.ResponseWriter, key string) {
	_ = json.NewEncoder(w).Encode(gcsObject{Name: key, Size: strconv.FormatInt(s.size(key), 10),
		Metadata: map[string]string{"scrapekit": s.owners[key]}})
}

// insert makes an object, or begins an upload.
func (s *Objects) insert(w http.ResponseWriter, r *http.Request, at string, body []byte) {
	query := r.URL.Query()
	meta, content := body, []byte(nil)
	if query.Get("uploadType") == "multipart" {
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for _, to := range []*[]byte{&meta, &content} {
			part, err := parts.NextPart()
			if err == nil {
				*to, err = io.ReadAll(part)
			}
			if err != nil {
				refuseGCS(w, http.StatusBadRequest, "badRequest")
				return
			}
		}
	}
	var o gcsObject
	if json.Unmarshal(meta, &o) != nil || o.Name != query.Get("name") || o.Name == "" {
		refuseGCS(w, http.StatusBadRequest, "invalid")
		return
	}
	u := &upload{key: at + "/" + o.Name, owner: o.Metadata["scrapekit"], fresh: query.Get("ifGenerationMatch") == "0"}
	switch {
	case u.fresh && s.size(u.key) >= 0:
		refuseGCS(w, http.StatusPreconditionFailed, "conditionNotMet")
	case query.Get("uploadType") == "multipart":
		s.keep(u.key, u.owner, content)
		s.describe(w, u.key)
	default:
		query.Set("upload_id", s.add(u))
		w.Header().Set("Location", "http://"+r.Host+r.URL.Path+"?"+query.Encode())
	}
}

// resumed takes bytes of an upload. It ignores those that it has, and takes of others only what
// fills parts of MinPart bytes, unless they are the last.
func (s *Objects) resumed(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	u := s.uploads[id]
	var first, last int
	var total string
	_, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%s", &first, &last, &total)
	switch {
	case u == nil && s.done[id] != "":
		s.describe(w, s.done[id])
		return
	case u == nil:
		refuseGCS(w, http.StatusGone, "gone")
		return
	case err != nil || last+1-first != len(body) || first > len(u.body):
		refuseGCS(w, http.StatusBadRequest, "invalid")
		return
	}
	if skip := len(u.body) - first; skip < len(body) {
		u.body = append(u.body, body[skip:]...)
	}
	if total == "*" {
		if s.MinPart > 0 {
			u.body = u.body[:len(u.body)/s.MinPart*s.MinPart]
		}
		if len(u.body) > 0 {
			w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(u.body)-1))
		}
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	switch n, _ := strconv.Atoi(total); {
	case n != len(u.body):
		refuseGCS(w, http.StatusBadRequest, "invalid")
	case u.fresh && s.size(u.key) >= 0:
		refuseGCS(w, http.StatusPreconditionFailed, "conditionNotMet")
	default:
		s.keep(u.key, u.owner, u.body)
		delete(s.uploads, id)
		if s.done == nil {
			s.done = map[string]string{}
		}
		s.done[id] = u.key
		s.describe(w, u.key)
	}
}
