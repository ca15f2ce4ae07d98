// What happens over HTTP.

package observe

import "time"

// Waited says that a pause of a host, or a wait before a request is sent again, begins.
type Waited struct {
	Host   string `json:"host"`
	Bucket string `json:"bucket,omitempty"` // the part of the host that is paused; "": all of it
	// "429", "503", "timeout", "quota used up", "down (connection reset)", "retry budget"
	Cause string `json:"cause"`
	// what says for how long: "Retry-After", a limit that the host states
	By    string        `json:"by,omitempty"`
	For   time.Duration `json:"for_ns"`
	Until time.Time     `json:"until"`
}

// Exchanged is one attempt of a request, whatever came of it.
type Exchanged struct {
	Host     string
	Status   int    // 0: no whole reply came
	Err      string // why not: "timeout", "reset"
	BytesOut int64  // of bodies, as they travelled
	BytesIn  int64
	Took     time.Duration
}

// Step is something that was decided or done for a request whose context has a listener, see
// [Into].
type Step struct {
	At   time.Duration `json:"at_ns"` // since the request was made; whoever listens sets it
	Part string        `json:"part"`  // which part of the host speaks: allow, cache, retry, auth, pace, wire, …
	// what the host asks for on the way, in a request of its own: "access token", "robots.txt"
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
