// The naive program: a first attempt. It appends what it reads, and stores its position in a file
// of its own.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// savedPages is the number of pages after which the naive program stores its position.
const savedPages = 5

// naive reads all items of an API into out/items.jsonl.
func naive(ctx context.Context, url string) error {
	next, err := readPlace()
	if err != nil {
		return err
	}
	if err := os.MkdirAll("out", 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile("out/items.jsonl", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for n := 1; n > 0; next++ { // until a page is empty
		if n, err = copyPage(ctx, w, fmt.Sprintf("%s/items?page=%d&per_page=20", url, next)); err != nil {
			return err
		}
		if next%savedPages == 0 {
			if err := errors.Join(w.Flush(), os.WriteFile("place", []byte(strconv.Itoa(next)), 0o644)); err != nil {
				return err
			}
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

func readPlace() (int, error) {
	raw, err := os.ReadFile("place")
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	if strings.TrimSpace(string(raw)) == "" {
		return 1, nil // killed while it wrote it
	}
	last, err := strconv.Atoi(string(raw))
	return last + 1, err
}

func copyPage(ctx context.Context, w *bufio.Writer, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() // it was read whole
	var p struct{ Items []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		return 0, err
	}
	for _, item := range p.Items {
		if _, err := fmt.Fprintf(w, "%s\n", item); err != nil {
			return 0, err
		}
	}
	return len(p.Items), nil
}
