// Command api serves the JSON API that the tutorial reads: a library with a few books, of which it
// tells some at a time, and only to who shows a card.
//
//	GET /books?limit=20&after=17
//	{"books": [{"number": 18, "title": "…", "author": "…", "year": 1931}, …], "last": 37, "more": true}
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	books     = 57
	mostBooks = 20 // on a page
	card      = "library-card"
)

type book struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Author string `json:"author"`
	Year   int    `json:"year"`
}

type page struct {
	Books []book `json:"books"`
	Last  int    `json:"last"` // number of the last book, or that after which none is
	More  bool   `json:"more"`
}

// bookAt makes up a book, the same for the same number.
func bookAt(n int) book {
	things := []string{"River", "Clock", "Garden", "Harbour", "Letter", "Winter", "Map"}
	authors := []string{"Ada Marsh", "Li Wen", "Tomás Vega", "Ruth Adeyemi", "Jun Mori"}
	return book{n, fmt.Sprintf("The %s and the %s", things[n%len(things)], things[(n/len(things)+3)%len(things)]),
		authors[n%len(authors)], 1900 + n*7%120}
}

func list(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+card {
		http.Error(w, `{"error": "show your card: Authorization: Bearer …"}`, http.StatusUnauthorized)
		return
	}
	limit, err := number(r, "limit", mostBooks)
	after, afterErr := number(r, "after", 0)
	if err = errors.Join(err, afterErr); err != nil {
		http.Error(w, fmt.Sprintf(`{"error": %q}`, err), http.StatusBadRequest)
		return
	}
	reply := page{Books: []book{}, Last: after}
	for n := after + 1; n <= books && len(reply.Books) < min(limit, mostBooks); n++ {
		reply.Books = append(reply.Books, bookAt(n))
		reply.Last, reply.More = n, n < books
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(reply); err != nil {
		fmt.Fprintln(os.Stderr, err) // the client has gone
	}
}

// number reads a parameter that is a number from 0 on.
func number(r *http.Request, name string, preset int) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return preset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s=%s: want a number from 0 on", name, text)
	}
	return n, nil
}

func serve(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; -addr names another address", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /books", list)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // the process ends with it
	}()
	fmt.Printf("the library answers at http://%s/books\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8099", "address to listen at")
	flag.Parse()
	if err := serve(*addr); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}
