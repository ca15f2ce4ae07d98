// wire is net/http's own transport, set up once for all plugins so that they share its connections.

package fetch

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// newWire returns the transport. Concurrency and times are limited by the decorators above; the times here only
// end dials that nobody waits for any more. No proxy is taken from the environment: it would see every request,
// and no pipeline file would say so.
func newWire() *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    30 * time.Second,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		DisableCompression:     true, // decoded in whole, where it is counted
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         16 << 10,
		WriteBufferSize:        16 << 10,
	}
}
