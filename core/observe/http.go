// Events of HTTP.

package observe

import "time"

// Waited is the beginning of a pause of a host, or of the wait before a retry.
type Waited struct {
	Host   string `json:"host"`
	Bucket string `json:"bucket,omitempty"` // the part of the host that is paused; "": all of it
	// "429", "503", "timeout", "quota used up", "down (connection reset)", "retry budget"
	Cause string `json:"cause"`
	// By is the source of the wait's length, such as "Retry-After" or a limit that the host states.
	By    string        `json:"by,omitempty"`
	For   time.Duration `json:"for_ns"`
	Until time.Time     `json:"until"`
}

// Exchanged is one attempt of a request, with any result.
type Exchanged struct {
	Host     string
	Status   int    // 0: no complete reply came
	Err      string // why not: "timeout", "reset"
	Protocol string // of the reply: "HTTP/1.1", "HTTP/2.0"
	BytesOut int64  // of bodies, as transferred
	BytesIn  int64
	Decoded  int64 // bytes of the reply's body after decoding
	Took     time.Duration
}

// Step is one decision or action for a request whose context has a listener, see [Into].
type Step struct {
	At   time.Duration `json:"at_ns"` // since the request was made; the listener sets it
	Part string        `json:"part"`  // the part of the host: allow, cache, retry, auth, pace, wire, …
	// For is the purpose of a request that the host makes for this one: "access token",
	// "robots.txt".
	For  string `json:"for,omitempty"`
	Text string `json:"text"`
}

// Kind implements [Event].
func (Waited) Kind() string { return "waited" }

// Kind implements [Event].
func (Exchanged) Kind() string { return "exchanged" }

// Kind implements [Event].
func (Step) Kind() string { return "step" }

// Hide implements [Event].
func (e Waited) Hide(m Mask) Event {
	e.Host, e.Bucket = m.String(e.Host), m.String(e.Bucket)
	return e
}

// Hide implements [Event].
func (e Exchanged) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e Step) Hide(m Mask) Event { e.Text = m.String(e.Text); return e }
