// AskedOnce caches replies while a plugin is tested: each distinct request reaches the remote
// system once, so that every check sees the same data.

package core

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
)

// askedOnce is a round tripper that repeats the first reply to each request. It does not keep
// errors and temporary failures. Equal requests wait for each other.
type askedOnce struct {
	next http.RoundTripper

	mu    sync.Mutex
	known map[string]*cachedReply
}

type cachedReply struct {
	mu   sync.Mutex
	resp *http.Response // nil: no reply yet
	body []byte
}

// RoundTrip implements http.RoundTripper.
func (a *askedOnce) RoundTrip(req *http.Request) (*http.Response, error) {
	key := req.Method + " " + req.URL.String() + "\n"
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err = errors.Join(err, req.Body.Close()); err != nil {
			return nil, err
		}
		key += string(body)
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	k := a.reply(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resp == nil {
		if err := k.ask(a.next, req); err != nil {
			return nil, err
		}
	}
	resp := *k.resp
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError {
		k.resp = nil // a temporary failure
	}
	resp.Header, resp.Request = resp.Header.Clone(), req
	resp.Body = io.NopCloser(bytes.NewReader(k.body))
	return &resp, nil
}

func (a *askedOnce) reply(key string) *cachedReply {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[string]*cachedReply{}
	}
	if a.known[key] == nil {
		a.known[key] = &cachedReply{}
	}
	return a.known[key]
}

func (k *cachedReply) ask(next http.RoundTripper, req *http.Request) error {
	resp, err := next.RoundTrip(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	k.resp, k.body = resp, body
	return nil
}
