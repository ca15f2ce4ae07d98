// Recordings: a run whose exchanges are kept, and a run that is replayed from them without a
// network.

package core

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/core/internal/dial"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
	"github.com/scrapekit/scrapekit/core/internal/fetch/machine"
	"github.com/scrapekit/scrapekit/core/internal/fetch/ratelimit"
	"github.com/scrapekit/scrapekit/core/internal/fetch/recording"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// openHTTP opens the host's HTTP client, with the recording that it writes or reads. o holds what
// only the caller knows. resumed says that the run continues earlier ones.
func (p *Pipeline) openHTTP(c *closers, o fetch.Options, resumed bool) (*fetch.Client, error) {
	o.Logger, o.Redact, o.Version = p.logger.Named("http"), p.redact, p.opts.Version
	o.Hosts = p.opts.Hosts
	switch {
	case p.opts.Record != "":
		if resumed {
			p.logger.Warn("this run goes on from earlier ones, and a replay starts from nothing: record with --full",
				"recording", p.opts.Record)
		}
		w, err := recording.Create(p.opts.Record, p.redact,
			recording.About{Pipeline: p.config.Name, Version: p.opts.Version, Resumed: resumed})
		if err != nil {
			return nil, err
		}
		c.add(w.Close)
		o.Record = w
	case p.opts.Replay != "":
		player, err := p.player(c)
		if err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		o.Learned = "" // a replay contacts no host
		o.Replay = player
	}
	if o.Hosts == nil {
		o.Hosts = NewHosts()
	}
	if o.Replay == nil {
		o.Hosts.Share(p.machinePace)
	}
	client := fetch.New(o)
	c.add(func() error { client.Close(); return nil })
	return client, nil
}

// machinePace returns a limiter that this user's processes on this machine share, or nil if it
// cannot be set up. It lasts as long as the process.
func (p *Pipeline) machinePace() ratelimit.Limiter {
	alone := func(err error) {
		p.logger.Warn("this process does not share its pace with other processes of this machine", "error", err)
	}
	dir, err := pluginhost.SharedDir()
	if err != nil {
		alone(err)
		return nil
	}
	l, err := machine.Open(filepath.Join(dir, "pace"), ratelimit.NewLimiter(), alone)
	if err != nil {
		alone(err)
		return nil
	}
	return l
}

// errReplay is the error of opening a connection in a replay, because a recording holds only HTTP.
var errReplay = errors.New("a replay makes no connections, because a recording holds only HTTP: run without " +
	"--replay, or without the plugin that connects")

// openDial opens the host's TCP client. A recording does not hold connections.
func (p *Pipeline) openDial() *dial.Client {
	o := dial.Options{Logger: p.logger}
	if p.opts.Replay != "" {
		o.Closed = errReplay
	}
	for _, b := range p.blocks() {
		if p.opts.Record != "" && len(b.Dial) > 0 {
			p.logger.Warn("its connections are not recorded: a replay will not make them", "plugin", stageName(b),
				"addresses", b.Dial)
		}
	}
	return dial.New(o)
}

// player returns a round tripper that answers from a recording, or from the output of `scrapekit
// recording show --json`.
func (p *Pipeline) player(c *closers) (http.RoundTripper, error) {
	lines, err := RecordingLines(p.opts.Replay)
	if err != nil {
		return nil, err
	}
	if lines {
		return conformance.OpenReplay(p.opts.Replay)
	}
	r, err := recording.Open(p.opts.Replay)
	if err != nil {
		return nil, err
	}
	c.add(r.Close)
	return recording.NewPlayer(r, p.redact), nil
}

// RecordingLines reports whether a file holds the output of `scrapekit recording show --json`
// rather than a recording.
func RecordingLines(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(f, first); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return first[0] == '{', nil
}

// Replays reports whether replies come from a recording.
func (p *Pipeline) Replays() bool { return p.opts.Replay != "" }

// replayed returns a folder below the replay's state; "" if this is no replay.
func (p *Pipeline) replayed(name string) string {
	if p.opts.Replay == "" {
		return ""
	}
	return p.home().Replayed(name)
}

// forgetReplay removes the state of the last replay, because each replay starts empty. Only replays
// use the folder.
func (p *Pipeline) forgetReplay() error {
	all, err := os.ReadDir(p.config.StateDir)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !p.home().Keeps(e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(p.config.StateDir, e.Name())))
		}
	}
	return err
}

// Exchange is a recorded request with its reply.
type Exchange struct {
	recording.Exchange
	Text   string `json:"text,omitempty"`   // the reply's body, if it is text
	Base64 []byte `json:"base64,omitempty"` // the reply's body, if it is not text
}

// RecordingInfo describes a recording.
type RecordingInfo struct {
	Pipeline  string
	Started   time.Time
	Sessions  int
	Exchanges int
	Complete  bool // the recorded run closed it
}

// ReadRecording passes the exchanges of a recording to emit in order, with their bodies if bodies
// is true.
func ReadRecording(path string, bodies bool, emit func(Exchange) error) (info RecordingInfo, err error) {
	r, err := recording.Open(path)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	info = RecordingInfo{Pipeline: r.Pipeline, Started: r.Started, Sessions: r.Sessions, Exchanges: len(r.Exchanges),
		Complete: r.Complete}
	for _, x := range r.Exchanges {
		e := Exchange{Exchange: x}
		if bodies {
			raw, err := io.ReadAll(r.Body(x))
			if err != nil {
				return info, err
			}
			if utf8.Valid(raw) {
				e.Text = string(raw)
			} else {
				e.Base64 = raw
			}
		}
		if err := emit(e); err != nil {
			return info, err
		}
	}
	return info, nil
}
