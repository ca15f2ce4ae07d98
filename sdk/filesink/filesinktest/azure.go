// The REST API of Azure Blob Storage, as a server of tests speaks it.

package filesinktest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

func refuseAzure(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Ms-Error-Code", code)
	refuse(w, status, code)
}

func (s *Objects) serveAzure(w http.ResponseWriter, r *http.Request, body []byte) {
	query, key, by := r.URL.Query(), r.URL.Path, r.Header.Get("X-Ms-Meta-Scrapekit")
	there := s.size(key) >= 0
	switch comp := query.Get("comp"); {
	case r.Header.Get("X-Ms-Version") == "":
		refuseAzure(w, http.StatusBadRequest, "MissingRequiredHeader")
	case r.Method == http.MethodGet && comp == "list":
		s.listAzure(w, strings.Trim(key, "/"), query.Get("prefix"), query.Get("marker"))
	case r.Method == http.MethodPut && comp == "block":
		s.stage(key, query.Get("blockid"), body)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*" && there:
		refuseAzure(w, http.StatusConflict, "BlobAlreadyExists")
	case r.Method == http.MethodPut && comp == "blocklist":
		s.commit(w, key, by, body)
	case r.Method == http.MethodPut && r.Header.Get("X-Ms-Blob-Type") == "BlockBlob":
		s.keep(key, by, body)
		w.WriteHeader(http.StatusCreated)
	case !there:
		refuseAzure(w, http.StatusNotFound, "BlobNotFound")
	case r.Method == http.MethodHead:
		w.Header().Set("X-Ms-Meta-Scrapekit", s.owners[key])
		w.Header().Set("Content-Length", strconv.FormatInt(s.size(key), 10))
	case r.Method == http.MethodDelete:
		_ = os.Remove(s.file(key))
		w.WriteHeader(http.StatusAccepted)
	default:
		refuseAzure(w, http.StatusBadRequest, "InvalidQueryParameterValue")
	}
}

// stage keeps a block that is not committed. A write of the blob drops all of them, see keep.
func (s *Objects) stage(key, id string, body []byte) {
	u := s.uploads[key]
	if u == nil {
		u = &upload{key: key, blocks: map[string][]byte{}}
		if s.uploads == nil {
			s.uploads = map[string]*upload{}
		}
		s.uploads[key] = u
	}
	u.blocks[id] = body
}

func (s *Objects) commit(w http.ResponseWriter, key, by string, body []byte) {
	var list struct {
		Uncommitted []string
	}
	if err := xml.Unmarshal(body, &list); err != nil {
		refuseAzure(w, http.StatusBadRequest, "InvalidXmlDocument")
		return
	}
	var whole []byte
	for _, id := range list.Uncommitted {
		u := s.uploads[key]
		if u == nil || u.blocks[id] == nil {
			refuseAzure(w, http.StatusBadRequest, "InvalidBlockList")
			return
		}
		whole = append(whole, u.blocks[id]...)
	}
	s.keep(key, by, whole)
	w.WriteHeader(http.StatusCreated)
}

func (s *Objects) listAzure(w http.ResponseWriter, container, prefix, after string) {
	keys, next := s.keys(container, prefix, after)
	fmt.Fprint(w, "<EnumerationResults><Blobs>")
	for _, key := range keys {
		fmt.Fprint(w, "<Blob><Name>")
		_ = xml.EscapeText(w, []byte(key)) // the connection's errors are the client's matter
		fmt.Fprint(w, "</Name></Blob>")
	}
	fmt.Fprintf(w, "</Blobs><NextMarker>%s</NextMarker></EnumerationResults>", next)
}
