package fetch

import (
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestReplyTooMany: a reply that was sent before the request is not the one to it.
func TestReplyTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		twice := func(c netConn, _ *http.Request) bool {
			one := "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
			io.WriteString(c, one+one)
			return true
		}
		s := &scripted{scripts: []script{twice, reply(200, "two")}}
		c := s.client(t, Options{})
		defer c.Close()
		wire := theWire(t, c)
		wire.DialContext = counted(wire.DialContext)
		rt := transport(t, c, httppolicy.Policy{})
		for _, want := range []string{"one", "two", "two"} {
			if _, body, err := ask(t.Context(), rt, "GET", page, ""); err != nil || body != want {
				t.Errorf("%q, want %q: %v", body, want, err)
			}
		}
	})
}

// TestCountedConn: what was read before a request began to be written is no answer to it.
func TestCountedConn(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer far.Close()
	c := &countedConn{Conn: near}
	defer c.Close()
	go io.Copy(io.Discard, far)
	steps := []struct {
		do       func()
		answered bool
	}{
		{c.expect, false},
		{func() { go far.Write([]byte("x")); c.Read(make([]byte, 1)) }, false}, // too early
		{func() { c.Write([]byte("request")) }, false},
		{func() { go far.Write([]byte("x")); c.Read(make([]byte, 1)) }, true},
		{c.expect, false},
	}
	for i, s := range steps {
		if s.do(); c.answered() != s.answered {
			t.Errorf("step %d: answered %v", i, c.answered())
		}
	}
}
