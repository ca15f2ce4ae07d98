// Package addresstest has a resolver for tests that uses no name server.
package addresstest

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver answers each lookup with the next of addresses, and repeats the last one.
func Resolver(t testing.TB, addresses ...string) *net.Resolver {
	var asked atomic.Int64
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer func() { _ = far.Close() }() // the resolver has closed its end or has its answer
			size := make([]byte, 2)            // a pipe is no packet connection, so the resolver speaks DNS over TCP
			for {
				if _, err := io.ReadFull(far, size); err != nil {
					return
				}
				query := make([]byte, int(size[0])<<8|int(size[1]))
				if _, err := io.ReadFull(far, query); err != nil {
					return
				}
				var m dnsmessage.Message
				if err := m.Unpack(query); err != nil {
					t.Error(err)
					return
				}
				m.Response, m.Additionals = true, nil
				if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
					i := min(int(asked.Add(1)), len(addresses)) - 1
					m.Answers = []dnsmessage.Resource{{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[i]).As4()},
					}}
				}
				out, err := m.Pack()
				if err != nil {
					t.Error(err)
					return
				}
				// An error means that the resolver has closed its end.
				_, _ = far.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...))
			}
		}()
		return near, nil
	}}
}
