// Connections: TCP by way of the host, for what does not speak HTTP.

package sdk

import (
	"context"
	"errors"
	"net"
)

// ErrNotGranted is in the error of a connection that the user has not granted; see [Dial].
var ErrNotGranted = errors.New("not granted")

// Dial connects to an address by way of the host: a plugin has no network of its own. It is what net.Dialer.DialContext is, to be
// given to the driver of a database:
//
//	conf.DialFunc = sdk.Dial                                                           // jackc/pgx
//	conf.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // and who resolves names
//	opts.Dialer = sdk.Dial                                                             // redis/go-redis
//	mysql.RegisterDialContext("tcp", func(ctx context.Context, addr string) (net.Conn, error) { return sdk.Dial(ctx, "tcp", addr) })
//
// ctx is that of a call, or made of it. A driver that connects with contexts of its own, such as a pool in the background,
// needs [DialerOf].
//
// network is "tcp", "tcp4" or "tcp6", address a host and the number of a port: "db.example.com:5432". The host resolves the name; a plugin
// cannot, so a driver that looks names up by itself is to be told not to. An address may be dialled that stands in a setting with
// the tag dial:"true", or that [Info].Permissions asks for and the user has granted. Any other is refused before its name is
// resolved, with [ErrNotGranted] and a permanent error that says what the user has to write. A granted name may lead into a private network; an
// address that only a wildcard covers may not. Link-local addresses and those of metadata services are connected to if they are
// granted as they are, and not by a name. Where a granted name has led, the plugin may connect to by the address too.
//
// ctx bounds the dialling, the host half a minute. The connection outlives the call: it is open until it is closed or the plugin ends. It is a
// [net.Conn] in full, with deadlines, and with the CloseWrite of a [net.TCPConn]. A Write returns when its bytes are on their way to the host,
// of which at most half a MiB are buffered, as a system's socket would. What was written before Close is delivered still, if the far end takes
// it within five seconds. TLS is the plugin's own: crypto/tls over the connection. Errors are those of package net, a
// [*net.OpError] that wraps, say, syscall.ECONNREFUSED.
//
// A plugin may have 64 connections at a time, those that are being opened among them; a further one is refused.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return DialerOf(ctx).DialContext(ctx, network, address)
}

// A Dialer opens connections by way of the host, as [Dial] does, for as long as the plugin lives and in whatever context. It fits
// what drivers call a dialer: see its methods.
type Dialer struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DialerOf returns the dialer of a call's context, for a driver that outlives the call: one that New or Open sets up.
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

// Dial connects as [Dial] does, without a limit of time but the host's.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.dial(context.Background(), network, address)
}

func noDial(_ context.Context, network, _ string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: network, Err: Permanent(errors.New("no host in this context that opens connections: use the context of the call, or sdk.WithHost in a test"))}
}
