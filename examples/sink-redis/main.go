// Command sink-redis appends records to lists of a Redis server, each exactly once: a sink for a
// database, in a plugin that has no network. The host connects for it, to the address in its
// settings and to no other.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type settings struct {
	Address  string `json:"address" required:"true" dial:"true" doc:"Of the server: host:port, or redis://host."`
	Password string `json:"password" sensitive:"true" doc:"Of the server, if it asks for one."`
	Prefix   string `json:"prefix" default:"scrapekit" min:"1" doc:"Begins the names of all keys, which are the sink's alone: PREFIX:STREAM is the list of a stream, of JSON objects. A deletion is one with _op."`
}

// sink writes to one server. Records that no commit covers are cut off again. A killed process may
// have sent commands that the server has not executed yet: the epoch fences them. The keys belong
// to one pipeline: the sink does not cut what another has written.
type sink struct {
	settings
	dialer  *sdk.Dialer
	server  *client
	epoch   string
	lengths map[string]int64 // of the lists, by stream
}

// token is the state at a commit.
type token struct {
	Lengths map[string]int64 `json:"lengths"`
}

func open(ctx context.Context, s settings) (sdk.Sink, error) {
	return &sink{settings: s, dialer: sdk.DialerOf(ctx)}, nil
}

func (s *sink) Guarantee() sdk.Guarantee {
	return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
		Why: "lists are cut back to their length at the last commit, and what a killed process has sent is shut out"}
}

// Check says whether the server answers.
func (s *sink) Check(ctx context.Context) error {
	server, err := connect(ctx, s.dialer, s.settings)
	if err != nil {
		return err
	}
	return errors.Join(ask(ctx, server, "PING").err, server.Close())
}

// Open restores the lists to a commit.
func (s *sink) Open(ctx context.Context, start sdk.Start) error {
	at := token{Lengths: map[string]int64{}}
	if start.Token != nil && !start.Full {
		at.Lengths = nil
		if err := json.Unmarshal(start.Token, &at); err != nil || at.Lengths == nil {
			return sdk.Permanent(errors.New("the token is not one of this sink's"))
		}
	}
	var err error
	if s.server, err = connect(ctx, s.dialer, s.settings); err != nil {
		return err
	}
	if err := s.own(ctx, start); err != nil {
		return err
	}
	epoch := ask(ctx, s.server, "INCR", s.key("", "epoch"))
	lists := ask(ctx, s.server, "SMEMBERS", s.key("", "streams"))
	if err := errors.Join(epoch.err, lists.err); err != nil {
		return err
	}
	s.epoch, s.lengths = strconv.FormatInt(epoch.number, 10), at.Lengths
	for _, r := range lists.list {
		if err := s.cut(ctx, r.text, at.Lengths[r.text], start.Resume); err != nil {
			return err
		}
	}
	return nil
}

// own makes the keys belong to the pipeline, or checks that they do. Lists without an owner are
// this pipeline's if it has a token for them.
func (s *sink) own(ctx context.Context, start sdk.Start) error {
	key := s.key("", "owner")
	owner, lists := ask(ctx, s.server, "GET", key), ask(ctx, s.server, "SMEMBERS", s.key("", "streams"))
	if err := errors.Join(owner.err, lists.err); err != nil {
		return err
	}
	if owner.text == "" && len(lists.list) > 0 && start.Token == nil {
		return sdk.Permanent(fmt.Errorf(
			"there are lists %s, and nobody knows whose: set another prefix, or delete them and %s",
			s.key("list", "*"), s.key("", "streams")))
	}
	if owner.text == "" {
		if err := ask(ctx, s.server, "SETNX", key, start.Pipeline).err; err != nil { // another may be as fast
			return err
		}
		owner = ask(ctx, s.server, "GET", key)
	}
	if owner.err == nil && owner.text != start.Pipeline {
		return sdk.Permanent(fmt.Errorf(
			"the lists %s are those of another pipeline, %s, and this one is %s: set another prefix; "+
				"if that pipeline is gone, delete %s and its records are discarded", s.key("list", "*"), owner.text,
			start.Pipeline, key))
	}
	return owner.err
}

// cut cuts a list back. A reader may have taken records of an earlier run since.
func (s *sink) cut(ctx context.Context, stream string, n int64, resume bool) error {
	list := s.key("list", stream)
	has := ask(ctx, s.server, "LLEN", list)
	switch {
	case has.err != nil:
		return has.err
	case has.number < n && resume:
		return sdk.Permanent(fmt.Errorf("the list %s has %d records, and %d were committed: somebody has changed it",
			list, has.number, n))
	case has.number < n:
		n = has.number
	}
	if s.lengths[stream] = n; n == 0 {
		return ask(ctx, s.server, "DEL", list).err
	}
	return ask(ctx, s.server, "LTRIM", list, "0", strconv.FormatInt(n-1, 10)).err
}

// Write appends a batch, all of it or nothing.
func (s *sink) Write(ctx context.Context, b sdk.Batch) error {
	epoch := s.key("", "epoch")
	now, err := s.server.do(ctx, []string{"WATCH", epoch}, []string{"GET", epoch})
	if err != nil {
		return err
	}
	if now[1].text != s.epoch {
		return sdk.Permanent(fmt.Errorf("%s: another process writes there now", s.key("", "*")))
	}
	push := []string{"RPUSH", s.key("list", b.Stream)}
	for record := range b.Records() {
		if b.Op == sdk.Delete {
			record = append([]byte(`{"_op":"delete",`), record[1:]...)
		}
		push = append(push, string(record))
	}
	done, err := s.server.do(ctx, []string{"MULTI"}, []string{"SADD", s.key("", "streams"), b.Stream}, push,
		[]string{"EXEC"})
	if err != nil {
		return err
	}
	exec := done[len(done)-1]
	if exec.list == nil {
		return sdk.Permanent(fmt.Errorf("%s: another process writes there now", s.key("", "*")))
	}
	s.lengths[b.Stream] = exec.list[1].number
	return errors.Join(exec.list[0].err, exec.list[1].err)
}

// Commit returns the lengths of the lists. How durable they are is the server's setting: see its
// appendfsync.
func (s *sink) Commit(context.Context) (sdk.Token, error) { return json.Marshal(token{s.lengths}) }

func (s *sink) Close() error {
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// key is the name of a key: the prefix, and what is there.
func (s *sink) key(kind, name string) string {
	if kind == "" {
		return s.Prefix + "." + name
	}
	return s.Prefix + ":" + name
}

func plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "redis", Version: "1.0.0", Doc: "Appends records to lists of a Redis server."},
		open)
}

func main() { serve.Main(plugin()) }
