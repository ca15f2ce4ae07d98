// S3, as a server of tests speaks it.

package filesinktest

import (
	"crypto/md5" // as ETags have it
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

func etag(body []byte) string { sum := md5.Sum(body); return `"` + hex.EncodeToString(sum[:]) + `"` }

func owner(r *http.Request) string { return r.Header.Get("X-Amz-Meta-Scrapekit") }
func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>a message</Message></Error>", code)
}

func (s *Objects) serveS3(w http.ResponseWriter, r *http.Request, body []byte) {
	query, key := r.URL.Query(), r.URL.Path
	id := query.Get("uploadId")
	switch {
	case r.Method == http.MethodGet && query.Has("list-type"):
		s.list(w, strings.Trim(key, "/"), query.Get("prefix"), query.Get("continuation-token"))
	case r.Method == http.MethodPost && query.Has("uploads"):
		s.begin(w, key, owner(r))
	case id != "" && s.uploads[id] == nil:
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPut && id != "":
		n, _ := strconv.Atoi(query.Get("partNumber"))
		s.uploads[id].parts[n] = body
		w.Header().Set("ETag", etag(body))
	case r.Header.Get("If-None-Match") == "*" && !s.Unconditional && s.size(key) >= 0:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPost && id != "":
		s.complete(w, id, body)
	case r.Method == http.MethodPut:
		s.keep(key, owner(r), body)
	case r.Method == http.MethodHead && s.size(key) >= 0:
		w.Header().Set("X-Amz-Meta-Scrapekit", s.owners[key])
		w.Header().Set("Content-Length", strconv.FormatInt(s.size(key), 10))
	case r.Method == http.MethodDelete:
		_ = os.Remove(s.file(key)) // it may not be there
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	}
}

func (s *Objects) begin(w http.ResponseWriter, key, by string) {
	id := s.add(&upload{key: key, owner: by, parts: map[int][]byte{}})
	fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
}

func (s *Objects) complete(w http.ResponseWriter, id string, body []byte) {
	var list struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.Unmarshal(body, &list); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	u := s.uploads[id]
	var whole []byte
	for i, p := range list.Part {
		part, there := u.parts[p.PartNumber]
		switch {
		case !there || etag(part) != p.ETag || i > 0 && list.Part[i-1].PartNumber >= p.PartNumber:
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		case len(part) < s.MinPart && i < len(list.Part)-1:
			refuse(w, http.StatusBadRequest, "EntityTooSmall")
			return
		}
		whole = append(whole, part...)
	}
	s.keep(u.key, u.owner, whole)
	delete(s.uploads, id)
	fmt.Fprint(w, "<CompleteMultipartUploadResult/>")
}

func (s *Objects) list(w http.ResponseWriter, bucket, prefix, after string) {
	keys, next := s.keys(bucket, prefix, after)
	fmt.Fprint(w, "<ListBucketResult>")
	for _, key := range keys {
		fmt.Fprint(w, "<Contents><Key>")
		_ = xml.EscapeText(w, []byte(key)) // the connection's errors are the client's matter
		fmt.Fprint(w, "</Key></Contents>")
	}
	if next != "" {
		fmt.Fprintf(w, "<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", next)
	}
	fmt.Fprint(w, "</ListBucketResult>")
}
