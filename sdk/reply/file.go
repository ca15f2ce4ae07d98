// Files: bodies of replies that the host keeps beside the records; they do not pass through the
// plugin.

package reply

import (
	"cmp"
	"fmt"
	"net/http"
)

// File is a file that the host keeps in the pipeline's folder of files.
type File struct {
	Path   string `json:"path"`   // within that folder, with slashes: equal content has one path
	SHA256 string `json:"sha256"` // of the content, in hex
	Size   int64  `json:"size"`   // in bytes
}

// Expect is what is known of a file in advance. It matters because a server that wants a login
// answers with status 200 and its login page, and a connection through a proxy may end early.
type Expect struct {
	Size *int64 // in bytes: a body of another length is not the file; nil: not known
	Type string // its media type: a page of HTML is not the file if this is another type; "": not known
}

// NotKept is the error of sdk.Keep when there is no such file.
type NotKept struct {
	Status  int    // of the reply; 0: none came, or TooLong is set and it was not read
	URL     string // what was asked for last, after redirects
	Problem string // why the body of a 2xx reply is not the file, or not kept
	TooLong bool   // it is longer than the block "files" allows; Problem says so
	Said    string // of a reply that is not 2xx: the beginning of its body, and what the host did to get another
	Err     error  // why no reply came; its class is that of this error
}

func (e *NotKept) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	what := cmp.Or(e.Problem, e.Said, "no file came")
	if e.Problem != "" {
		return fmt.Sprintf("%s: %s", e.URL, what)
	}
	return fmt.Sprintf("%d %s from %s: %s", e.Status, http.StatusText(e.Status), e.URL, what)
}

func (e *NotKept) Unwrap() error { return e.Err }
