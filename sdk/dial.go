// Connections: TCP by way of the host, for what does not speak HTTP.

package sdk

import (
	"context"
	"errors"
	"net"
)

// Dial connects to an address through the host, because a plugin has no network of its own. It has
// the signature of net.Dialer.DialContext, so that a database driver can use it:
//
//	// jackc/pgx; the host resolves the name
//	conf.DialFunc = sdk.Dial
//	conf.LookupFunc = func(_ context.Context, host string) ([]string, error) {
//		return []string{host}, nil
//	}
//
//	// redis/go-redis
//	opts.Dialer = sdk.Dial
//
//	// go-sql-driver/mysql
//	mysql.RegisterDialContext("tcp", func(ctx context.Context, addr string) (net.Conn, error) {
//		return sdk.Dial(ctx, "tcp", addr)
//	})
//
// ctx is that of a call, or made of it. A driver that connects with contexts of its own, such as a
// pool in the background, needs [DialerOf].
//
// network is "tcp", "tcp4" or "tcp6", and address a host and a port number: "db.example.com:5432".
// Or network is "unix", and address the path of a socket; its grant is exactly "unix:PATH".
// The host resolves the name. A plugin cannot, so turn off the name lookup of a driver. The plugin
// may connect to an address in a setting with the tag dial:"true", and to one that
// [Info].Permissions asks for and the user has granted. Any other address is refused before its
// name is resolved, with a permanent error that wraps [ErrNotGranted] and says what the user has to
// write. A granted name may lead into a private network; an address that only a wildcard covers may
// not. Link-local addresses and those of metadata services must be granted as addresses. The plugin
// may also connect to the addresses to which a granted name has resolved.
//
// ctx bounds the time to connect; the host allows half a minute. The connection outlives the call:
// it stays open until it is closed or the plugin ends. It is a complete [net.Conn], with deadlines
// and the CloseWrite of a [net.TCPConn]. A Write returns when its bytes are on their way to the
// host; at most half a MiB are buffered. Bytes written before Close are still delivered if the far
// end takes them within five seconds. For TLS use crypto/tls over the connection. Errors are those
// of package net: a [*net.OpError] that wraps, for example, syscall.ECONNREFUSED.
//
// A plugin may have 64 connections at a time, including those that are being opened.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return DialerOf(ctx).DialContext(ctx, network, address)
}

// A Dialer opens connections through the host like [Dial], in any context, as long as the plugin
// lives. It fits what drivers call a dialer: see its methods.
type Dialer struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DialerOf returns the dialer of a call's context, for a driver that outlives the call: one that
// New or Open sets up.
func DialerOf(ctx context.Context) *Dialer {
	d := HostOf(ctx).Dial
	if d == nil {
		d = noDial
	}
	return &Dialer{dial: d}
}

// DialContext connects as [Dial] does. ctx need not be that of a call.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dial(ctx, network, address)
}

// Dial connects like [Dial], with no time limit except the host's.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.dial(context.Background(), network, address)
}

func noDial(_ context.Context, network, _ string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: network,
		Err: Permanent(errors.New("no host in this context that opens connections: use the context of the call, or " +
			"sdk.Host.In in a test"))}
}
