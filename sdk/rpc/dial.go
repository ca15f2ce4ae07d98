// Dial, the plugin's end: requests a connection on the reverse stream, which the host then opens.

package rpc

import (
	"context"
	"errors"
	"net"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

var errNoDial = errors.New("this host opens no connections for plugins: a newer scrapekit does")

// dial is an sdk.Host's Dial.
func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.tryDial(ctx, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: textAddr{network, address}, Err: err}
	}
	return conn, nil
}

func (l *link) tryDial(ctx context.Context, network, address string) (net.Conn, error) {
	id, answer, err := l.ask()
	if err != nil {
		return nil, err
	}
	ask := &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Dial{Dial: &pb.Dial{Network: text.Valid(network),
		Address: text.Valid(address)}}}
	if err := l.send(ctx, ask); err != nil {
		l.conns.forget(id)
		return nil, neterr.OfContext(err)
	}
	select {
	case d := <-answer:
		if d.err != nil {
			return nil, d.err
		}
		return d.conn, nil
	case <-ctx.Done():
	}
	if l.conns.forget(id) {
		l.hangUp(id)
		return nil, neterr.OfContext(context.Cause(ctx))
	}
	if d := <-answer; d.conn != nil { // it came at the same moment
		_ = d.conn.Close()
	}
	return nil, neterr.OfContext(context.Cause(ctx))
}

// ask registers a pending dial.
func (l *link) ask() (id uint64, answer chan dialed, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	switch {
	case !l.open:
		return 0, nil, errNoHost
	case !l.conns.offered:
		return 0, nil, sdk.Permanent(errNoDial)
	}
	l.lastID++
	answer = make(chan dialed, 1)
	l.conns.asked[l.lastID] = answer
	return l.lastID, answer, nil
}

// hangUp tells the host that a dial was cancelled. Without a stream, there is no host to tell.
func (l *link) hangUp(id uint64) {
	_ = l.send(context.Background(), &pb.FromPlugin{Id: id,
		Message: &pb.FromPlugin_DialCancel{DialCancel: &pb.DialCancel{}}})
}

// textAddr is an address that is a name, or that of a test's host.
type textAddr struct{ network, address string }

func (a textAddr) Network() string { return a.network }
func (a textAddr) String() string  { return a.address }
