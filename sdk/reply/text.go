// JSON as servers write it: behind a byte order mark, in UTF-16, behind a prefix that keeps
// browsers from running it.

package reply

import (
	"bufio"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns the JSON text in the body of a reply as UTF-8. Byte order marks are passed over,
// UTF-16 is recognised by its mark or its zeros, and a prefix that keeps a browser from running
// JSON as a script, such as )]}' or while(1);, is left out. Any other character set that the reply
// declares the host has decoded already.
func Text(body io.Reader) io.Reader { return &jsonText{from: body} }

// jsonText looks at the beginning when it is read first: to look may wait for the network.
type jsonText struct {
	from io.Reader
	text *bufio.Reader
}

func (t *jsonText) Read(p []byte) (int, error) {
	if t.text == nil {
		t.text = bufio.NewReader(t.from)
		if order := wide(t.text); order != nil {
			t.text = bufio.NewReader(&wideText{from: t.text, order: order})
		}
		for begins(t.text, "\ufeff") {
			drop(t.text, "\ufeff")
		}
		for _, guard := range guards {
			if begins(t.text, guard) {
				drop(t.text, guard)
				break
			}
		}
	}
	return t.text.Read(p)
}

// guards are the prefixes that servers write before JSON so that no other site's page can run it.
// None of them begins JSON text.
var guards = []string{")]}',", ")]}'", ")]}", "while(1);", "while (1);", "for(;;);", "for (;;);", "{}&&", "{} &&"}

func begins(r *bufio.Reader, text string) bool {
	head, _ := r.Peek(len(text)) // an error comes again with the next read
	return string(head) == text
}

func drop(r *bufio.Reader, text string) { _, _ = r.Discard(len(text)) } // it was peeked at

// wide returns the order of the bytes of UTF-16, nil for any other text. JSON begins with an ASCII
// character.
func wide(r *bufio.Reader) binary.ByteOrder {
	head, _ := r.Peek(2) // as above
	switch {
	case len(head) < 2:
	case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0:
		return binary.LittleEndian
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0:
		return binary.BigEndian
	}
	return nil
}

// wideText decodes UTF-16.
type wideText struct {
	from  *bufio.Reader
	order binary.ByteOrder
	high  uint16 // the first half of a pair that is not whole yet; 0: none
	out   []byte
	err   error
}

func (w *wideText) Read(p []byte) (int, error) {
	for len(w.out) < len(p) && w.err == nil {
		w.next()
	}
	if len(w.out) == 0 {
		return 0, w.err
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// next decodes one unit. Half a pair becomes the replacement character, half a unit at the end is a
// text that was cut.
func (w *wideText) next() {
	var unit [2]byte
	if _, w.err = io.ReadFull(w.from, unit[:]); w.err != nil {
		w.flush()
		return
	}
	c := w.order.Uint16(unit[:])
	if w.high != 0 {
		if r := utf16.DecodeRune(rune(w.high), rune(c)); r != utf8.RuneError {
			w.high = 0
			w.out = utf8.AppendRune(w.out, r)
			return
		}
		w.flush()
	}
	if c >= 0xd800 && c < 0xdc00 {
		w.high = c
		return
	}
	w.out = utf8.AppendRune(w.out, rune(c)) // a second half alone becomes the replacement character
}

func (w *wideText) flush() {
	if w.high != 0 {
		w.high = 0
		w.out = utf8.AppendRune(w.out, utf8.RuneError)
	}
}
