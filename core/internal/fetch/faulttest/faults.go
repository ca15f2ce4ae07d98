// The faults: what hosts, proxies and networks were seen to do.

package faulttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// fault does its worst with a request and reports whether the connection is still good.
type fault struct {
	name string
	do   func(x *exchange) (keep bool)
}

// Faults returns the names of all.
func Faults() []string {
	var all []string
	for _, f := range faults {
		all = append(all, f.name)
	}
	return all
}

var faults = []fault{
	{"reset before the head", func(x *exchange) bool { x.raw.reset(); return false }},
	{"closed before the head", func(*exchange) bool { return false }},
	{"reset in the head", func(x *exchange) bool { x.text("HTTP/1.1 200 O"); x.raw.reset(); return false }},
	{"closed in the head", func(x *exchange) bool { x.text("HTTP/1.1 200 OK\r\nContent-Ty"); return false }},
	{"reset in the body", func(x *exchange) bool { x.part(0.5); time.Sleep(time.Second); x.raw.reset(); return false }},

	{"length cut", func(x *exchange) bool { x.part(x.random.Float64()); return false }},
	{"chunk cut", func(x *exchange) bool {
		x.text(head(200, "Transfer-Encoding: chunked"))
		x.chunks(x.body[:x.random.IntN(len(x.body))])
		return false // without the last chunk
	}},
	{"encoding cut", func(x *exchange) bool { return x.cutEncoding() }},
	{"unframed cut", func(x *exchange) bool { // nothing but the JSON tells
		x.text(head(200, "Connection: close"))
		x.send(x.body[:x.random.IntN(len(x.body))])
		return false
	}},
	{"length too small", func(x *exchange) bool {
		return x.text(head(200, fmt.Sprint("Content-Length: ", x.random.IntN(len(x.body)))) + string(x.body))
	}},
	{"two lengths", func(x *exchange) bool {
		return x.text(head(200, "Content-Length: 5", fmt.Sprint("Content-Length: ", len(x.body))) + string(x.body))
	}},
	{"length and chunks", func(x *exchange) bool { // RFC 9112: the length does not count
		x.text(head(200, "Content-Length: 3", "Transfer-Encoding: chunked"))
		x.chunks(x.body)
		x.text("0\r\n\r\n")
		return false
	}},
	{"length garbage", func(x *exchange) bool {
		return x.text(head(200, "Content-Length: "+x.server.pick(x.random,
			[]string{"-1", "0x10", "99999999999999999999999", "5, 5", ""})) + string(x.body))
	}},
	{"length of a bomb", func(x *exchange) bool { return x.text(head(200, "Content-Length: 1099511627776") + "x") }},

	{"not HTTP", func(x *exchange) bool { x.text("SSH-2.0-OpenSSH_9.6\r\n"); return false }},
	{"noise", func(x *exchange) bool { x.send(x.noise(1 + x.random.IntN(5000))); return false }},
	{"noise in the head", func(x *exchange) bool {
		x.text("HTTP/1.1 200 OK\r\nX-A: " + string(x.noise(50)) + "\r\n\r\n")
		return false
	}},
	{"status garbage", func(x *exchange) bool { x.text("HTTP/1.1 20x Fine\r\n\r\n"); return false }},
	{"chunk garbage", func(x *exchange) bool {
		x.text(head(200, "Transfer-Encoding: chunked") + "5\r\n{\"pag\r\nzz\r\n")
		return false
	}},
	{"encoding garbage", func(x *exchange) bool {
		name := x.server.pick(x.random, []string{"gzip", "zstd", "br", "deflate"})
		noise := x.noise(100)
		return x.reply(200, []string{"Content-Encoding: " + name}, string(noise))
	}},
	{"encoding damaged", func(x *exchange) bool {
		b := bytes.Clone(compress("gzip", x.body))
		b[len(b)-1-x.random.IntN(8)] ^= 1 << x.random.IntN(8) // its checksum or its length
		return x.reply(200, []string{"Content-Encoding: gzip"}, string(b))
	}},
	{"huge head", func(x *exchange) bool {
		x.text("HTTP/1.1 200 OK\r\n")
		for range 40 {
			if !x.text("X-Long: " + strings.Repeat("x", 60_000) + "\r\n") {
				return false
			}
		}
		return false
	}},
	{"interim without end", func(x *exchange) bool {
		for range 1000 {
			if !x.text("HTTP/1.1 103 Early Hints\r\nLink: </" + strings.Repeat("x", 5000) + ">\r\n\r\n") {
				return false
			}
		}
		return false
	}},

	{"no head", func(x *exchange) bool { x.silence(); return false }},
	{"slow head", func(x *exchange) bool {
		for _, c := range head(200, fmt.Sprint("Content-Length: ", len(x.body))) {
			if time.Sleep(5 * time.Second); !x.text(string(c)) {
				return false
			}
		}
		return x.text(string(x.body))
	}},
	{"stalled body", func(x *exchange) bool { x.part(0.7); x.silence(); return false }},
	{"slow body", func(x *exchange) bool {
		x.text(head(200, fmt.Sprint("Content-Length: ", len(x.body))))
		for _, c := range x.body {
			if time.Sleep(20 * time.Second); !x.text(string(rune(c))) {
				return false
			}
		}
		return true
	}},

	{"429 bare", func(x *exchange) bool { return x.reply(429, nil, "<html>slow down</html>") }},
	{"429 seconds", func(x *exchange) bool { return x.reply(429, []string{"Retry-After: 7"}, "") }},
	{"429 date", func(x *exchange) bool {
		now := time.Now().UTC()
		return x.reply(429, []string{"Date: " + now.Format(http.TimeFormat),
			"Retry-After: " + now.Add(20*time.Second).Format(http.TimeFormat)}, "")
	}},
	{"429 epoch", func(x *exchange) bool {
		return x.reply(429, []string{"X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0",
			fmt.Sprint("X-RateLimit-Reset: ", time.Now().Unix()+30)}, "")
	}},
	{"429 draft", func(x *exchange) bool {
		return x.reply(429, []string{`RateLimit-Policy: "burst";q=10;w=5`, `RateLimit: "burst";r=0;t=5`}, "")
	}},
	{"429 bucket", func(x *exchange) bool {
		return x.reply(429, []string{"X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 0",
			"X-RateLimit-Interval-Seconds: 1", "X-RateLimit-FillRate: 5", "Retry-After: 0"}, "<html>")
	}},
	{"503 seconds", func(x *exchange) bool { return x.reply(503, []string{"Retry-After: 11"}, "") }},
	{"5xx", func(x *exchange) bool {
		return x.reply([]int{500, 502, 503, 504, 520, 529}[x.random.IntN(6)], nil, "<html><title>oops</title>")
	}},
	{"408", func(x *exchange) bool { x.reply(408, []string{"Connection: close"}, ""); return false }},
	{"425", func(x *exchange) bool { return x.reply(425, nil, "") }},

	{"redirect loop", func(x *exchange) bool { return x.reply(302, []string{"Location: " + x.path}, "") }},
	{"redirect away", func(x *exchange) bool {
		return x.reply(302, []string{"Location: http://elsewhere.example/"},
			"")
	}},
	{"redirect garbage", func(x *exchange) bool { return x.reply(301, []string{"Location: http://[::1:%zz"}, "") }},

	{"gzip bomb", func(x *exchange) bool { return x.reply(200, []string{"Content-Encoding: gzip"}, bombs()[0]) }},
	{"zstd bomb", func(x *exchange) bool { return x.reply(200, []string{"Content-Encoding: zstd"}, bombs()[1]) }},
	{"nested bomb", func(x *exchange) bool {
		return x.reply(200, []string{"Content-Encoding: gzip, gzip"},
			bombs()[2])
	}},
	{"encoded ten times", func(x *exchange) bool {
		return x.reply(200, []string{"Content-Encoding: " + strings.Repeat("gzip, ", 9) + "gzip"}, string(x.body))
	}},
	{"body without end", func(x *exchange) bool {
		x.text(head(200, "Transfer-Encoding: chunked"))
		for x.text("8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n") {
		}
		return false
	}},

	{"reply twice", func(x *exchange) bool {
		once := head(200, fmt.Sprint("Content-Length: ", len(x.body))) + string(x.body)
		if len(once) > 8<<10 {
			// what is not read at once with the first is a reply to the next request for all that
			// anybody can tell
			return x.good()
		}
		return x.text(once + once)
	}},
	{"unasked reply", func(x *exchange) bool { // as proxies end a connection that is idle
		x.good()
		time.Sleep(time.Second)
		x.reply(408, []string{"Connection: close"}, "idle for too long")
		return false
	}},
	{"304 unasked", func(x *exchange) bool { return x.text(head(304, `Etag: "x"`)) }},
	{"204", func(x *exchange) bool { return x.text(head(204, "X-A: b")) }},
	{"login page", func(x *exchange) bool {
		return x.reply(200, []string{"Content-Type: text/html"}, "<html>log in</html>")
	}},
	{"unauthorized", func(x *exchange) bool { return x.reply(401, []string{"WWW-Authenticate: Basic"}, "") }},
}

// silence says nothing until the client hangs up.
func (x *exchange) silence() {
	_, _ = io.Copy(io.Discard, x) // the end is what is waited for
}

// part sends a share of the body, with the length of all of it.
func (x *exchange) part(share float64) {
	x.text(head(200, fmt.Sprint("Content-Length: ", len(x.body))))
	x.send(x.body[:int(share*float64(len(x.body)-1))])
}

func (x *exchange) cutEncoding() bool {
	name := x.server.pick(x.random, []string{"gzip", "zstd", "br", "deflate"})
	b := compress(name, x.body)
	return x.reply(200, []string{"Content-Encoding: " + name}, string(b[:x.random.IntN(len(b))]))
}

func (x *exchange) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(x.random.Uint32())
	}
	return b
}

// bombs are a few bytes that become 32 MiB, made once.
var bombs = sync.OnceValue(func() []string {
	zeros := make([]byte, 32<<20)
	once := compress("gzip", zeros)
	return []string{string(once), string(compress("zstd", zeros)), string(compress("gzip", once))}
})
