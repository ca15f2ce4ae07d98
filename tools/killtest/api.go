// The API: pages of records whose ids are known.

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// api serves the records of a test.
type api struct {
	settings
	server *httptest.Server
	served atomic.Int64  // requests
	news   chan struct{} // something was served; holds one
}

func serve(s settings) *api {
	a := &api{settings: s, news: make(chan struct{}, 1)}
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(a.page))
	a.server.Start() // after server is set, which the pages read
	return a
}

func (a *api) close() { a.server.Close() }

func (a *api) url() string { return a.server.URL + "/api" }

// total returns how many records there are.
func (a *api) total() int { return a.records * len(a.streams) }

// all lists the ids of all records.
func (a *api) all() []string {
	var out []string
	for _, s := range a.streams {
		for n := range a.records {
			out = append(out, id(s, n))
		}
	}
	return out
}

func id(stream string, n int) string { return stream + "-" + strconv.Itoa(n+1) }

type record struct {
	ID   string `json:"id"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

type page struct {
	Items []record `json:"items"`
	Total int      `json:"total"`
	Next  string   `json:"next,omitempty"`
}

func (a *api) page(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(a.latency):
	case <-r.Context().Done():
		return
	}
	defer func() {
		a.served.Add(1)
		select {
		case a.news <- struct{}{}:
		default:
		}
	}()
	from, size, err := place(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stream := path.Base(r.URL.Path)
	out := page{Items: []record{}, Total: a.records}
	for n := from; n < min(from+size, a.records); n++ {
		out.Items = append(out.Items, record{id(stream, n), n + 1, strings.Repeat("text ", n%40)})
	}
	if from+size < a.records {
		out.Next = fmt.Sprintf("%s/%s?offset=%d&limit=%d", a.url(), stream, from+size, size)
		w.Header().Set("Link", "<"+out.Next+`>; rel="next"`)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // who asked may have been killed
}

// place reads where a page begins and how long it is.
func place(q url.Values) (from, size int, err error) {
	number := func(name string, otherwise int) int {
		text := q.Get(name)
		if text == "" {
			return otherwise
		}
		n, e := strconv.Atoi(text)
		if e != nil || n < 0 {
			err = fmt.Errorf("%s=%s: it is no number", name, text)
		}
		return n
	}
	size = min(number("per_page", number("limit", 50)), 1000)
	from = number("offset", (max(1, number("page", 1))-1)*size)
	if err == nil && size == 0 {
		err = fmt.Errorf("a page must hold a record")
	}
	return from, size, err
}
