// Package rpc is the wire between the host and a plugin: the only package that sees gRPC, go-plugin
// and the generated code. Client and server of each service stand side by side, one file a
// service; what stands alone is a package below internal: the conversion of values, the codec,
// texts, buffers, a plugin's connection, its log lines, the line of its orders. Above it there are
// the interfaces of package sdk alone: the host gets a [Conn] and from it a source, transform or
// sink that behaves like the value that the plugin's author wrote; the plugin's side is [Serve].
//
// # What crosses, and how
//
// Transform and sink calls are unary, Read streams, Plan sends splits in pieces both ways. A
// batch's payload is never parsed and, on its way out, never copied: see internal/codec. Errors
// keep their text and their class: see errors.go. The host's services travel on the reverse stream
// that [Conn.OpenHost] opens: see host.go for the host's end, link.go and fetch.go for the
// plugin's.
//
// # Panics
//
// Nothing here recovers. A panic in a plugin ends its process, with the trace on stderr, and the
// host reports it: a plugin in an unknown state must not go on delivering.
package rpc

const (
	// ProtocolVersion is the newest version of the contract that this package speaks.
	ProtocolVersion = 1
	// PluginName is the one name in the go-plugin set: what the host dispenses.
	PluginName = "scrapekit"
	// MaxMessage is the longest message in bytes, in both directions: a record of 64 MiB and room
	// around it.
	MaxMessage = 80 << 20
)
