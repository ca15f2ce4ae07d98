// A store of objects for tests: it keeps them as files, and loses replies.

package filesinktest

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Faults that a request to [Objects] may meet.
const (
	NotLanded   = "not landed"  // the connection ends, and nothing was done
	Landed      = "landed"      // it was done, and the connection ends before the reply
	SlowDown    = "503"         // it is refused for now
	Conflict    = "409"         // it meets another request to the same object
	ForeignPut  = "foreign put" // somebody else writes the object right before
	UploadEnded = "upload gone" // somebody has ended the upload
)

// Objects is a server that keeps objects below Root: a folder a bucket.
type Objects struct {
	Root    string
	Scheme  string // of the store that it is like: "gs", "az"; "": "s3"
	MinPart int    // bytes that each part but the last must have
	// Unconditional: it does not know conditional writes. This is for S3.
	Unconditional bool
	// Fault says what a request meets; "": nothing. It may be nil.
	Fault func(*http.Request) string

	mu      sync.Mutex
	owners  map[string]string
	uploads map[string]*upload
	begun   int
	done    map[string]string // keys of Google's uploads that are complete
}

type upload struct {
	key, owner string
	parts      map[int][]byte    // of S3
	body       []byte            // of Google
	blocks     map[string][]byte // of Azure
	fresh      bool
}

// Open is how many uploads were begun and neither completed nor ended.
func (s *Objects) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// ServeHTTP implements [http.Handler].
func (s *Objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		refuse(w, http.StatusServiceUnavailable, "SlowDown") // the same for all: the status counts
		return
	case Conflict:
		refuse(w, http.StatusConflict, "ConditionalRequestConflict")
		return
	case ForeignPut:
		s.foreign(s.target(r))
	case UploadEnded:
		query := r.URL.Query()
		delete(s.uploads, cmp.Or(query.Get("uploadId"), query.Get("upload_id"), r.URL.Path))
	}
	s.serve(w, r, body)
}

// unheard is a reply that nobody gets.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) Write(p []byte) (int, error) { return len(p), nil }
func (u *unheard) WriteHeader(int)             {}

func (s *Objects) file(key string) string { return filepath.Join(s.Root, filepath.FromSlash(key)) }

func (s *Objects) keep(key, by string, body []byte) {
	if s.owners == nil {
		s.owners = map[string]string{}
	}
	s.owners[key] = by
	delete(s.uploads, key) // whose ids are keys: those of Azure
	err := os.MkdirAll(filepath.Dir(s.file(key)), 0o755)
	if err == nil {
		err = os.WriteFile(s.file(key), body, 0o644)
	}
	if err != nil {
		panic(err)
	}
}

// Foreign is somebody else who writes an object: a path with its bucket.
func (s *Objects) Foreign(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.foreign(key)
}

func (s *Objects) foreign(key string) { s.keep(key, "somebody", []byte("foreign\n")) }

// target is the key of the object that a request is about.
func (s *Objects) target(r *http.Request) string {
	switch s.Scheme {
	case "gs":
		return s.targetGCS(r)
	}
	return r.URL.Path
}

func (s *Objects) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	switch s.Scheme {
	case "gs":
		s.serveGCS(w, r, body)
	case "az":
		s.serveAzure(w, r, body)
	default:
		s.serveS3(w, r, body)
	}
}

// size is -1 where there is no object.
func (s *Objects) size(key string) int64 {
	info, err := os.Stat(s.file(key))
	if err != nil || info.IsDir() {
		return -1
	}
	return info.Size()
}

// add begins an upload and returns its id.
func (s *Objects) add(u *upload) string {
	if s.uploads == nil {
		s.uploads = map[string]*upload{}
	}
	s.begun++
	id := fmt.Sprint("upload ", s.begun)
	s.uploads[id] = u
	return id
}

// page is how many keys a list has at once.
const page = 3

// keys are those of a bucket, sorted. next is where the following page begins; "": nowhere.
func (s *Objects) keys(bucket, prefix, after string) (keys []string, next string) {
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
	if len(keys) > page {
		return keys[:page], keys[page-1]
	}
	return keys, ""
}
