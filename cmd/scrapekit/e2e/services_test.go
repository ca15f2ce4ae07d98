// A server for sources in other languages: what the host does for a plugin, one path for each.

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// services are a web server and a server of TCP that sends back what it gets.
type services struct {
	url  string
	echo string // host:port
}

func startServices(t *testing.T) *services {
	t.Helper()
	var odd atomic.Int64
	mux := http.NewServeMux()
	text := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	}
	text("/page", "the page")
	text("/file", "8 bytes.")
	text("/error", `{"error": "the index is being built"}`)
	text("/numbers", `{"big":1152921504606846977}`)
	mux.HandleFunc("/where", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, " /page") })
	for from, to := range map[string]string{"/moved": "/page", "/files": "/file", "/loop": "/loop"} {
		mux.Handle(from, http.RedirectHandler(to, http.StatusMovedPermanently))
	}
	mux.Handle("/seeother", http.RedirectHandler("/where", http.StatusSeeOther))
	// a refusal whose status does not say that it passes
	mux.HandleFunc("/odd", func(w http.ResponseWriter, _ *http.Request) {
		if odd.Add(1) == 1 {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "wait a moment")
			return
		}
		_, _ = io.WriteString(w, "mended")
	})
	mux.HandleFunc("/final", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "gone for good")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return &services{url: server.URL, echo: l.Addr().String()}
}
