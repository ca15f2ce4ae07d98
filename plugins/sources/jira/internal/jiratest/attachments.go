// The contents of attachments: Data Center serves them itself, Cloud redirects the caller to
// another host.

package jiratest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// bytesOf returns the content of an attachment: the given one, or bytes derived from the id.
func (a *attachment) bytesOf() []byte {
	if a.content != nil {
		return a.content
	}
	out := make([]byte, a.size)
	x := uint64(a.id)
	for i := range out {
		if i%8 == 0 {
			x = mix(x, uint64(i))
		}
		out[i] = byte(x >> (i % 8 * 8))
	}
	return out
}

// contentURL is the address of the content, as the metadata states it.
func (c *call) contentURL(a *attachment) string {
	if c.cloud() {
		return fmt.Sprintf("%s/attachment/content/%d", apiRoot, a.id)
	}
	return fmt.Sprintf("%s/secure/attachment/%d/%s", site, a.id, url.PathEscape(a.name))
}

// secureAttachment is Data Center's download.
func (c *call) secureAttachment() error {
	_, a, err := c.attachmentOfPath()
	if err != nil {
		return err
	}
	if a.name != c.r.PathValue("name") {
		return messages(http.StatusNotFound, "The attachment has another name.")
	}
	c.sendBytes(a)
	return nil
}

// attachmentContent is Cloud's download: 303 to the media host, unless the caller asks not to be
// redirected.
func (c *call) attachmentContent() error {
	_, a, err := c.attachmentOfPath()
	if err != nil {
		return err
	}
	if c.r.URL.Query().Get("redirect") == "false" {
		c.sendBytes(a)
		return nil
	}
	host := c.server.media.address()
	if host == "" {
		host = c.base()
	}
	target := fmt.Sprintf("%s/media/file/%d/binary?token=%x&name=%s", host, a.id,
		mix(c.server.options.Seed, uint64(a.id)), url.QueryEscape(a.name))
	c.send = func() { http.Redirect(c.w, c.r, target, http.StatusSeeOther) }
	return nil
}

// sendBytes replies with the bytes, or with the requested range of them.
func (c *call) sendBytes(a *attachment) {
	name, kind, content := a.name, a.mime, a.bytesOf()
	c.send = func() { serveBytes(c.w, c.r, name, kind, content) }
}

func serveBytes(w http.ResponseWriter, r *http.Request, name, kind string, content []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition",
		"attachment; filename*=UTF-8''"+strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
