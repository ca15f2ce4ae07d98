// One record: written by hand, because a benchmark is to measure the pipeline and not the making of
// records.

package generate

import (
	"strconv"
	"time"
)

// recorder makes the records of one Read. Its buffer is used again for each.
type recorder struct {
	seed uint64
	size int
	text []byte // JSON-safe words, longer than any record needs
	buf  []byte
}

var (
	statuses = [...]string{"open", "in progress", "resolved", "closed"}
	people   = [...]string{"Ada", "Blaise", "Chiara", "Dmitri", "Émilie", "Fatima", "Grace", "Haruki"}
	labels   = [...]string{"storage", "network", "docs", "flaky test", "build", "ui", "performance", "security"}
	words    = [...]string{
		"the ", "broker ", "fails ", "after ", "a ", "restart ", "when ", "its ", "log ", "segment ", "is ", "empty, ",
		"and ", "client ", "waits ",
		"for ", "naïve ", "answers: ", "see ", "line ", "of ", "stack ", "trace. ", "we ", "could ", "not ",
		"reproduce ", "it ", "on ", "main; ", "→ ", "closed ",
	}
)

// epoch is when the first record was "created".
const epoch = 1_600_000_000

func newRecorder(seed uint64, size int) *recorder {
	r := &recorder{seed: seed, size: size, buf: make([]byte, 0, size+256)}
	for state := seed; len(r.text) < 2*size+4096; {
		state = mix(state + 1)
		r.text = append(r.text, words[state%uint64(len(words))]...)
	}
	return r
}

// mix spreads the bits of x: the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// record returns record n as JSON. It is good until the next call.
func (r *recorder) record(n int64) []byte {
	x := mix(r.seed ^ uint64(n)*0x9e3779b97f4a7c15)
	b := append(r.buf[:0], `{"id":`...)
	b = strconv.AppendInt(b, n, 10)
	b = append(b, `,"key":"GEN-`...)
	b = strconv.AppendInt(b, n+1, 10)
	b = append(b, `","created":"`...)
	b = time.Unix(epoch+n, 0).UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `","status":"`...)
	b = append(b, statuses[x%4]...)
	b = append(b, `","votes":`...)
	b = strconv.AppendUint(b, x>>2%100, 10)
	b = append(b, `,"score":`...)
	b = strconv.AppendFloat(b, float64(x>>10%10_000)/100, 'f', 2, 64)
	b = append(b, `,"open":`...)
	b = strconv.AppendBool(b, x%4 < 2)
	b = append(b, `,"author":{"name":"`...)
	b = append(b, people[x>>20%8]...)
	b = append(b, `","email":"user`...)
	b = strconv.AppendUint(b, x>>24%5000, 10)
	b = append(b, `@example.org"},"labels":["`...)
	b = append(b, labels[x>>40%8]...)
	b = append(b, `","`...)
	b = append(b, labels[x>>44%8]...)
	b = append(b, `"],"text":"`...)
	b = r.appendText(b, x, n)
	b = append(b, `"}`...)
	r.buf = b
	return b
}

// appendText fills the record up to its size. One in a hundred has the characters that JSON
// escapes.
func (r *recorder) appendText(b []byte, x uint64, n int64) []byte {
	if n%100 == 99 {
		b = append(b, `\"quoted\"\n\tC:\\temp \u0007 `...)
	}
	want := r.size - len(b) - len(`"}`)
	if want <= 0 {
		return b
	}
	from := int(x >> 33 % 4096)
	to := from + want
	// A cut must not go through a character.
	for from > 0 && r.text[from]&0xc0 == 0x80 {
		from--
	}
	for r.text[to]&0xc0 == 0x80 {
		to++
	}
	return append(b, r.text[from:to]...)
}
