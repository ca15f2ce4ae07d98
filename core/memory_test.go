package core

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// TestMemoryOfLargeBodies: four bodies of 100 MB at once, from the host's wire to a plugin, take no
// more memory than what lies under the limit of one kept in memory, and what is under way to the
// plugin. It runs alone: it measures the heap.
func TestMemoryOfLargeBodies(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 400 MB")
	}
	const size, bodies, most = 100 << 20, 4, 128 << 20
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 1<<20)
		for range size / len(piece) {
			w.Write(piece)
		}
	}))
	defer s.Close()
	at, err := origin.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(fetch.Options{})
	defer client.Close()
	transport, err := client.For(httppolicy.Policy{Plugin: "test", Allow: []origin.Origin{at}, SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	conn, end, err := rpc.InProcess(t.Context(),
		sdk.SourcePlugin(sdk.Info{Name: "large", Version: "1"}, func(context.Context, struct{}) (sdk.Source, error) {
			return &reading{urls: bodies, url: s.URL, size: size}, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	ctx, cancel := context.WithCancel(t.Context())
	wait, err := conn.OpenHost(ctx, sdk.Host{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Configure(ctx, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	peak := heapDuring(func() {
		if err := conn.Source().Read(ctx, sdk.Split{ID: "s"}, sdk.NewWriter(nil)); err != nil {
			t.Error(err)
		}
	})
	cancel()
	if err := wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d MB in %d bodies: at most %d MB of heap more than before", bodies*size>>20, bodies, peak>>20)
	if peak > most {
		t.Errorf("%d MB of heap, want at most %d", peak>>20, most>>20)
	}
}

// heapDuring returns how much the heap grew at most while do ran.
func heapDuring(do func()) int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := int64(m.HeapInuse)
	var peak atomic.Int64
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), int64(m.HeapInuse)-before))
			case <-done:
				return
			}
		}
	})
	do()
	close(done)
	watch.Wait()
	return peak.Load()
}

// reading is a source that reads large bodies and keeps nothing of them.
type reading struct {
	sdk.Source
	urls int
	url  string
	size int64
}

func (r *reading) Read(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
	errs := make(chan error)
	for range r.urls {
		go func() {
			resp, err := sdk.HTTPClient(ctx).Get(r.url)
			if err != nil {
				errs <- err
				return
			}
			defer resp.Body.Close()
			n, err := io.Copy(io.Discard, resp.Body)
			if err == nil && n != r.size {
				err = fmt.Errorf("%d bytes of %d", n, r.size)
			}
			errs <- err
		}()
	}
	var first error
	for range r.urls {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
