package wire

import (
	"io"
	"net"
	"testing"
)

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
