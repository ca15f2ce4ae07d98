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

// Sent says that an attempt of a request is sent. [Exchanged] is its end.
type Sent struct{ Host string }

// Connected says that an attempt has a connection, perhaps one that was open already.
type Connected struct {
	Host   string
	Reused bool
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

// Retried says that a request will be sent again after Wait, or after the pause of its host.
type Retried struct {
	Host  string
	Cause string // "503", "timeout", "reset"
	Wait  time.Duration
}

// Delayed says how long a request has waited for one reason, if that was a millisecond or more.
type Delayed struct {
	Host  string
	Cause string // "pause", "rate", "concurrency", "backoff", "down", "retry budget"
	For   time.Duration
}

// HostDown says that a host is taken for down because of Cause, and is asked again after For.
type HostDown struct {
	Host  string
	Cause string // what the last attempt met
	For   time.Duration
}

// HostBack says that a host that was down answers again.
type HostBack struct {
	Host  string
	After time.Duration // since it was found to be down
}

// CacheAsked says what the cache had for a request.
type CacheAsked struct {
	Host string
	// "hit": the host is not asked; "revalidated": it confirmed the kept reply; "stale": an expired
	// reply replaces that of a failing host; "miss".
	Outcome string
	Saved   int64 // bytes of bodies that were not transferred
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
func (Sent) Kind() string { return "sent" }

// Kind implements [Event].
func (Connected) Kind() string { return "connected" }

// Kind implements [Event].
func (Retried) Kind() string { return "retried" }

// Kind implements [Event].
func (Delayed) Kind() string { return "delayed" }

// Kind implements [Event].
func (HostDown) Kind() string { return "host down" }

// Kind implements [Event].
func (HostBack) Kind() string { return "host back" }

// Kind implements [Event].
func (CacheAsked) Kind() string { return "cache asked" }

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
func (e Sent) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e Connected) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e Retried) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e Delayed) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e HostBack) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e CacheAsked) Hide(m Mask) Event { e.Host = m.String(e.Host); return e }

// Hide implements [Event].
func (e HostDown) Hide(m Mask) Event {
	e.Host, e.Cause = m.String(e.Host), m.String(e.Cause)
	return e
}

// Hide implements [Event].
func (e Step) Hide(m Mask) Event { e.Text = m.String(e.Text); return e }
