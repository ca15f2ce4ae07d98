// A store of objects for tests: it keeps them as files, and loses replies.

package filesinktest

import (
	"crypto/md5" // as ETags have it
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Faults that a request to [S3] may meet.
const (
	NotLanded   = "not landed"  // the connection ends, and nothing was done
	Landed      = "landed"      // it was done, and the connection ends before the reply
	SlowDown    = "503"         // it is refused for now
	Conflict    = "409"         // it meets another request to the same object
	ForeignPut  = "foreign put" // somebody else writes the object right before
	UploadEnded = "upload gone" // somebody has ended the upload
)

// S3 is a server that keeps objects below Root: a folder a bucket.
type S3 struct {
	Root    string
	MinPart int // bytes that each part but the last must have
	// Unconditional: it does not know conditional writes.
	Unconditional bool
	// Fault says what a request meets; "": nothing. It may be nil.
	Fault func(*http.Request) string

	mu      sync.Mutex
	owners  map[string]string
	uploads map[string]*upload
	begun   int
}

type upload struct {
	key, owner string
	parts      map[int][]byte
}

// Open is how many uploads were begun and neither completed nor ended.
func (s *S3) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// ServeHTTP implements [http.Handler].
func (s *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := ""
	if s.Fault != nil {
		fault = s.Fault(r)
	}
	switch fault {
	case NotLanded:
		panic(http.ErrAbortHandler)
	case Landed:
		s.serve(&unheard{header: http.Header{}}, r, body)
		panic(http.ErrAbortHandler)
	case SlowDown:
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
		return
	case Conflict:
		refuse(w, http.StatusConflict, "ConditionalRequestConflict")
		return
	case ForeignPut:
		s.keep(r.URL.Path, "somebody", []byte("foreign\n"))
	case UploadEnded:
		delete(s.uploads, r.URL.Query().Get("uploadId"))
	}
	s.serve(w, r, body)
}

// unheard is a reply that nobody gets.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }
func (u *unheard) WriteHeader(int)             {}
func (s *S3) file(key string) string           { return filepath.Join(s.Root, filepath.FromSlash(key)) }
func etag(body []byte) string                  { sum := md5.Sum(body); return `"` + hex.EncodeToString(sum[:]) + `"` }
func owner(r *http.Request) string             { return r.Header.Get("X-Amz-Meta-Scrapekit") }
func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>a message</Message></Error>", code)
}

func (s *S3) keep(key, by string, body []byte) {
	if s.owners == nil {
		s.owners = map[string]string{}
	}
	s.owners[key] = by
	err := os.MkdirAll(filepath.Dir(s.file(key)), 0o755)
	if err == nil {
		err = os.WriteFile(s.file(key), body, 0o644)
	}
	if err != nil {
		panic(err)
	}
}

func (s *S3) serve(w http.ResponseWriter, r *http.Request, body []byte) {
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

// size is -1 where there is no object.
func (s *S3) size(key string) int64 {
	info, err := os.Stat(s.file(key))
	if err != nil || info.IsDir() {
		return -1
	}
	return info.Size()
}

func (s *S3) begin(w http.ResponseWriter, key, by string) {
	if s.uploads == nil {
		s.uploads = map[string]*upload{}
	}
	s.begun++
	id := fmt.Sprint("upload ", s.begun)
	s.uploads[id] = &upload{key, by, map[int][]byte{}}
	fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
}

func (s *S3) complete(w http.ResponseWriter, id string, body []byte) {
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

// list gives three keys a page.
func (s *S3) list(w http.ResponseWriter, bucket, prefix, after string) {
	var keys []string
	root := filepath.Join(s.Root, bucket)
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(root, path)
			if key := filepath.ToSlash(rel); strings.HasPrefix(key, prefix) && key > after {
				keys = append(keys, key)
			}
		}
		return nil
	})
	slices.Sort(keys)
	const page = 3
	more := len(keys) > page
	fmt.Fprint(w, "<ListBucketResult>")
	for _, key := range keys[:min(page, len(keys))] {
		fmt.Fprint(w, "<Contents><Key>")
		_ = xml.EscapeText(w, []byte(key)) // the connection's errors are the client's matter
		fmt.Fprint(w, "</Key></Contents>")
	}
	if more {
		fmt.Fprintf(w, "<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", keys[page-1])
	}
	fmt.Fprint(w, "</ListBucketResult>")
}
