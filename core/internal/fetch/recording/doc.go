// Package recording keeps the exchanges of a run in a file, and answers from such a file as the
// hosts did. It stands at the very top of package fetch: a recording knows nothing of credentials,
// retries and limits, which all come below.
//
// # The file
//
// A line that says what it is, then frames. A frame is its kind (one byte), the length of what it
// holds and a checksum (four bytes each, little endian), and what it holds, compressed with zstd by
// itself:
//
//	S   JSON: a session begins                     [session]
//	X   JSON: a request and the head of its reply  [Exchange]; so many B follow as it says
//	B   a piece of the reply's body
//	E   the session ended by itself; nothing in it
//
// It only grows. Killed at any byte, all that is whole before is good, and the next session begins
// there.
//
// # What is not in it
//
// Credentials are added below and cookies taken off there; headers that carry such things are left
// out by name. Secrets of the pipeline are masked in URLs, headers and bodies. The values of URL
// parameters and headers whose names tell of a secret are replaced by a salted hash, so that page
// tokens remain distinct. The body of a request is a hash. A request that looks like a login is
// noted without its reply.
package recording
