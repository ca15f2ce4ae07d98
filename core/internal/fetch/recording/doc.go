// Package recording stores the exchanges of a run in a file, and answers from such a file like the
// hosts. It is at the top of package fetch, so a recording contains no credentials, retries or
// limits, which are below.
//
// # The file
//
// It begins with a line that names the format, followed by frames. A frame is its kind (one byte),
// the length of its content and a checksum (four bytes each, little endian), and its content, which
// is zstd-compressed by itself:
//
//	S   JSON: a session begins                     [session]
//	X   JSON: a request and the head of its reply  [Exchange]; its B frames follow
//	B   a piece of the reply's body
//	E   the session ended by itself; empty
//
// It only grows. After a kill at any byte, the complete frames before it are valid, and the next
// session begins there.
//
// # What is not in it
//
// Credentials are added, and cookies removed, in lower layers; headers that carry them are omitted
// by name. Secrets of the pipeline are masked in URLs, headers and bodies. Values of URL parameters
// and headers whose names indicate a secret are replaced by a salted hash, so that page tokens
// remain distinct. The body of a request is a hash. A request that looks like a login is recorded
// without its reply.
package recording
