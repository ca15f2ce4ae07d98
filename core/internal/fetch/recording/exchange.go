// Exchange: a request and its result, as the file stores them.

package recording

import (
	"net/http"
	"time"
)

// Exchange is a request with its reply or error.
type Exchange struct {
	Time   time.Time     `json:"time"`    // when the request was made
	Took   time.Duration `json:"took_ns"` // until the reply was complete
	Plugin string        `json:"plugin"`
	Request
	Status    int         `json:"status,omitempty"`
	Reply     http.Header `json:"reply,omitempty"`
	Size      int64       `json:"size"`               // of the reply's body in bytes
	Pieces    int         `json:"pieces,omitempty"`   // frames of the body
	Masked    bool        `json:"masked,omitempty"`   // a secret was removed from the body
	Withheld  string      `json:"withheld,omitempty"` // why the reply is not recorded
	Error     string      `json:"error,omitempty"`    // instead of a reply
	Permanent bool        `json:"permanent,omitempty"`

	at   int64 // position of the body's first frame
	have int   // number of its frames found
}

// Request identifies a request. Two requests are the same if all fields are equal.
type Request struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`              // normalised, without secrets
	Header map[string]string `json:"header,omitempty"` // headers that may change the reply
	Body   string            `json:"body,omitempty"`   // a hash; "": no body
}

// session is a recorded run.
type session struct {
	Started  time.Time `json:"started"`
	Pipeline string    `json:"pipeline"`
	Version  string    `json:"version"`
	// Resumed says that the run continued earlier ones, so that a fresh run makes other requests.
	Resumed bool   `json:"resumed,omitempty"`
	Salt    []byte `json:"salt"` // of all hashes; the same in all sessions of a file
}
