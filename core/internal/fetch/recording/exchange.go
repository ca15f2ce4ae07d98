// Exchange: a request and what came of it, as the file holds them.

package recording

import (
	"net/http"
	"time"
)

// Exchange is a request and what came of it: a reply, or an error.
type Exchange struct {
	Time   time.Time     `json:"time"`    // when the request was made
	Took   time.Duration `json:"took_ns"` // until the reply was there, whole
	Plugin string        `json:"plugin"`
	Request
	Status    int         `json:"status,omitempty"`
	Reply     http.Header `json:"reply,omitempty"`
	Size      int64       `json:"size"`               // of the reply's body in bytes
	Pieces    int         `json:"pieces,omitempty"`   // frames of the body
	Masked    bool        `json:"masked,omitempty"`   // a secret was taken out of the body
	Withheld  string      `json:"withheld,omitempty"` // why there is no reply
	Error     string      `json:"error,omitempty"`    // instead of a reply
	Permanent bool        `json:"permanent,omitempty"`

	at   int64 // where the body's first frame is
	have int   // frames of it that were found
}

// Request is what a request is known by. Two are the same if all of it is.
type Request struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`              // in one spelling, without secrets
	Header map[string]string `json:"header,omitempty"` // what may change the reply
	Body   string            `json:"body,omitempty"`   // a hash; "" if there is none
}

// session is a run that records.
type session struct {
	Started  time.Time `json:"started"`
	Pipeline string    `json:"pipeline"`
	Version  string    `json:"version"`
	// Resumed says that the run went on from earlier ones, so that a run from nothing asks for
	// other things.
	Resumed bool   `json:"resumed,omitempty"`
	Salt    []byte `json:"salt"` // of all hashes; the same in all sessions of a file
}
