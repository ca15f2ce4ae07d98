// keep stores a reply while its body is read.

package cache

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

var errSecret = errors.New("it holds a secret")

// keep returns resp with a body that is stored when it was read to its end, if it is storable.
func (c *cache) keep(req *http.Request, resp *http.Response, asked time.Time) *http.Response {
	key := c.key(req, req.URL.String())
	refused := resp.StatusCode >= 400 && !reusable(resp.StatusCode, resp.Header)
	switch {
	case refused && c.Store.has(key):
		return resp // the stored reply may become valid again
	case !storable(req, resp):
		if !refused {
			c.Store.remove(key) // the stored reply is outdated
		}
		return resp
	}
	w, err := c.Store.write(key)
	if err != nil {
		c.Logger.Warn("cache: a reply is not kept", "why", err)
		return resp
	}
	h := head{
		URL: c.Redact.URL(req.URL), Status: resp.StatusCode, Header: kept(resp.Header), Asked: asked, Got: time.Now(),
		Selecting: c.selecting(req, resp.Header),
	}
	resp.Body = &storingBody{ReadCloser: resp.Body, cache: c, head: h, size: resp.ContentLength, w: w,
		secrets: c.Redact.Finder()}
	return resp
}

// storingBody is a body that is stored as it is read. One goroutine uses it.
type storingBody struct {
	io.ReadCloser
	cache   *cache
	head    head
	size    int64   // of the body; -1: unknown
	w       *writer // nil: stored, or given up
	secrets *redact.Finder
}

func (k *storingBody) Read(p []byte) (int, error) {
	n, err := k.ReadCloser.Read(p)
	if n > 0 && k.w != nil {
		_, failed := k.w.Write(p[:n])
		if k.secrets.Add(p[:n]); k.secrets.Found() {
			failed = errSecret
		}
		if failed != nil {
			k.giveUp(failed)
		}
	}
	if err == io.EOF {
		k.commit()
	}
	return n, err
}

// Close ends the reading. A partly read body is not stored.
func (k *storingBody) Close() error {
	if k.w != nil && k.w.size == k.size {
		k.commit()
	}
	if k.w != nil {
		k.giveUp(nil)
	}
	return k.ReadCloser.Close()
}

func (k *storingBody) commit() {
	if k.w == nil {
		return
	}
	for name, values := range k.head.Header {
		for _, v := range values {
			k.secrets.Add([]byte(name + ": " + v + "\n"))
		}
	}
	k.secrets.End()
	if k.secrets.Found() {
		k.giveUp(errSecret)
		return
	}
	if err := k.w.commit(k.head); err != nil {
		k.cache.Logger.Warn("cache: a reply is not kept", "url", k.head.URL, "why", err)
	}
	k.w = nil
}

func (k *storingBody) giveUp(why error) {
	if err := errors.Join(why, k.w.abandon()); err != nil {
		k.cache.Logger.Debug("cache: a reply is not kept", "url", k.head.URL, "why", err)
	}
	k.w = nil
}
