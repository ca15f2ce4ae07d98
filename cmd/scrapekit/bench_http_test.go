// What HTTP through the host costs against a bare http.Client in one process: pages that are read
// and parsed.
//
//	go test -run '^$' -bench HTTP -benchtime 1x ./cmd/scrapekit

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// readers is how many read at once, on both sides.
const readers = 16

// page is what both sides parse.
type page struct {
	Items []struct {
		ID      int      `json:"id"`
		Key     string   `json:"key"`
		Summary string   `json:"summary"`
		Text    string   `json:"text"`
		Labels  []string `json:"labels"`
		Score   float64  `json:"score"`
		Done    bool     `json:"done"`
	} `json:"items"`
}

// pageOf makes a page of about size bytes.
func pageOf(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for i := 0; b.Len() < size-500; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"key":"KAFKA-%d","summary":"The consumer waits for \"ever\" when broker %d `+
			`leaves","text":%q,"labels":["consumer","p%d"],"score":%d.25,"done":%t}`,
			i, i, i, strings.Repeat("what was seen, and what was hoped for. ", 8), i%5, i, i%2 == 0)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// readPages reads and parses the page n times.
func readPages(ctx context.Context, client *http.Client, url string, n int) error {
	for range n {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		var p page
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		if len(p.Items) == 0 {
			return errors.New("an empty page")
		}
	}
	return nil
}

// pages is a source that reads pages with an http.Client from the host, a share in each split.
type pages struct{ pagesConfig }

type pagesConfig struct {
	URL string `json:"url" required:"true" host:"true"`
	N   int    `json:"n" required:"true"`
	// Large and AtOnce are of the benchmark of memory: bodies, and requests that all go at the same
	// time.
	Large  int `json:"large"`
	AtOnce int `json:"at_once"`
}

func pagesPlugin() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "pages", Version: "1"},
		func(_ context.Context, c pagesConfig) (sdk.Source, error) {
			return &pages{c}, nil
		})
}

func (p *pages) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "shares"}}, nil
}

func (p *pages) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	var splits []sdk.Split
	for i := range readers {
		splits = append(splits, sdk.Split{ID: strconv.Itoa(i), Stream: "shares"})
	}
	return splits, nil
}

func (p *pages) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
	if err := readPages(ctx, sdk.HTTPClient(ctx), p.URL, p.N/readers); err != nil {
		return err
	}
	if err := p.flood(ctx); err != nil {
		return err
	}
	return w.Emit("shares", map[string]string{"id": s.ID})
}

// flood makes a split's share of the requests that go at the same time, and keeps nothing of the
// replies.
func (p *pages) flood(ctx context.Context) error {
	urls := make([]string, p.AtOnce/readers, p.AtOnce/readers+1)
	for i := range urls {
		urls[i] = p.URL
	}
	if p.Large > 0 {
		urls = append(urls, p.URL+"?size="+strconv.Itoa(p.Large))
	}
	errs := make([]error, len(urls))
	var all sync.WaitGroup
	for i, url := range urls {
		all.Go(func() { errs[i] = drain(sdk.HTTPClient(ctx), url) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func drain(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && n != resp.ContentLength {
		err = fmt.Errorf("%d bytes of %d", n, resp.ContentLength)
	}
	return errors.Join(err, resp.Body.Close())
}

// barePages is the process that the host is held against: os.Args are the URL and how many.
func barePages() error {
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}}
	errs := make([]error, readers)
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() { errs[i] = readPages(context.Background(), client, os.Args[1], n/readers) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// servePages is the server's process. It prints its address and ends when its standard input does;
// /seen tells what it saw.
func servePages() error {
	size, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return err
	}
	var s struct{ conns, first, last atomic.Int64 }
	body := pageOf(size)
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		if size, err := strconv.Atoi(r.URL.Query().Get("size")); err == nil {
			serveLarge(w, size)
			return
		}
		s.first.CompareAndSwap(0, time.Now().UnixNano())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the reader's end notices
		s.last.Store(time.Now().UnixNano())
	})
	mux.HandleFunc("/seen", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, s.conns.Swap(0), s.last.Load()-s.first.Swap(0))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	server := &http.Server{Handler: mux, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}}
	go server.Serve(l) //nolint:errcheck // it ends with the process
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// serveLarge writes so many bytes, without holding them.
func serveLarge(w http.ResponseWriter, size int) {
	w.Header().Set("Content-Length", strconv.Itoa(size))
	piece := make([]byte, 64<<10)
	for size > 0 {
		n, err := w.Write(piece[:min(size, len(piece))])
		if err != nil {
			return // the reader's end notices
		}
		size -= n
	}
}

// exitPages runs one of the two processes above.
func exitPages(run func() error) {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// cost is what one run took.
type cost struct {
	cpu, wall time.Duration
	conns     int
}

// BenchmarkHTTP reads pages with a bare http.Client and through host and plugin, by turns, and
// reports how one compares with the other: the times of the CPU are those of all processes of a
// side but for the server, their start included. The throughput of three processes beside that of
// one says something on a quiet machine only.
func BenchmarkHTTP(b *testing.B) {
	for name, o := range map[string]struct{ size, n int }{"10KB": {10 << 10, 48000}, "1MB": {1 << 20, 960}} {
		b.Run(name, func(b *testing.B) {
			url := startPages(b, o.size)
			file := write(b, b.TempDir(), pagesFile(b, url, fmt.Sprint("n = ", o.n)))
			var bare, host cost
			for b.Loop() {
				bare.add(measure(b, url, "pages-bare", url+"/page", strconv.Itoa(o.n)))
				host.add(measure(b, url, os.Args[0], "run", file, "--full", "--output", "plain"))
			}
			per := float64(b.N * o.n)
			b.ReportMetric(float64(bare.cpu.Microseconds())/per, "bare-cpu-µs/page")
			b.ReportMetric(float64(host.cpu.Microseconds())/per, "host-cpu-µs/page")
			b.ReportMetric(host.cpu.Seconds()/bare.cpu.Seconds(), "cpu-ratio")
			b.ReportMetric(bare.wall.Seconds()/host.wall.Seconds(), "throughput-ratio")
			b.ReportMetric(float64(host.conns)/float64(b.N), "conns")
		})
	}
}

func write(tb testing.TB, dir, text string) string {
	tb.Helper()
	file := filepath.Join(dir, "p.hcl")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return file
}

func (c *cost) add(o cost) { c.cpu, c.wall, c.conns = c.cpu+o.cpu, c.wall+o.wall, c.conns+o.conns }

// startPages starts the server and returns its URL.
func startPages(b *testing.B, size int) string {
	cmd := exec.Command("pages-server", strconv.Itoa(size))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	url = strings.TrimSpace(url)
	seenBy(b, url) // from here on this connection of ours is open and does not count
	return url
}

func pagesFile(b *testing.B, url, settings string) string {
	program, err := exec.LookPath("pages")
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf(`
pipeline {
  concurrency = %d
}
source %q {
  url = "%s/page"
  %s
  http {
    concurrency = %d
  }
}
sink "jsonl" {
  path = "out/{stream}.jsonl"
}
`, readers, program, url, settings, readers)
}

func measure(b *testing.B, url, name string, args ...string) cost {
	b.Helper()
	cmd := exec.Command(name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	c := seenBy(b, url)
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() // with those that it waited for
	return c
}

// seenBy returns what the server saw since it was asked last.
func seenBy(b *testing.B, url string) cost {
	b.Helper()
	resp, err := http.Get(url + "/seen")
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var c cost
	if _, err := fmt.Fscan(resp.Body, &c.conns, (*int64)(&c.wall)); err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return c
}
