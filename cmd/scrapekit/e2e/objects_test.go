// Files on an object store: the run is killed while objects grow, and requests go wrong.

//go:build linux

package e2e

import (
	"bytes"
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// growing are ways in which objects come to be: what is set in the sink, and the padding of
// records. The last makes objects of several parts.
var growing = []struct {
	sink string
	pad  int
}{
	{"", 30},
	{`visible = "commit"`, 30},
	{`rotate_size = "4kB"`, 30},
	{`rotate_size = "12MB"`, 20000},
}

// store is an object store whose requests go wrong. Its buckets are folders.
type store struct {
	scheme, root, url    string
	auth                 string // the block of its credential, with var.key and var.secret
	key, secret          string
	calm                 atomic.Bool  // nothing goes wrong
	pull                 func() error // copies the objects below root; nil: they are there
	requests, ill, parts atomic.Int64
}

const storeKey, storeSecret = "key", "a-secret-of-tests"

// azureAccount and azureKey are those that every Azurite has, as its manual says.
const (
	azureAccount = "devstoreaccount1"
	azureKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	// azureSAS is a signature by that key that allows everything until 2099.
	azureSAS = "sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00%3A00%3A00Z&spr=https%2Chttp&" +
		"sig=jlSI%2B5DohmjtlB2oCr2Vhd9u7l%2F%2FvB9E8D7vhfmKGX4%3D"
)

// newStore has faults before what serves the folder root.
func newStore(t *testing.T, scheme, root string, serves http.Handler) *store {
	t.Helper()
	s := &store{scheme: scheme, root: root, key: storeKey, secret: storeSecret}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Has("partNumber") || query.Has("upload_id") || query.Get("comp") == "block" {
			s.parts.Add(1)
		}
		n := s.requests.Add(1)
		lost, landed, slow := n%9 == 7, n%9 == 4, n%40 == 20
		if s.calm.Load() || !lost && !landed && !slow {
			serves.ServeHTTP(w, r)
			return
		}
		s.ill.Add(1)
		switch {
		case slow:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code></Error>") // the client's matter
			return
		case landed:
			serves.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	switch scheme {
	case "s3":
		s.auth = `auth "aws_sigv4" {
      region            = "us-east-1"
      service           = "s3"
      access_key_id     = var.key
      secret_access_key = var.secret
    }`
	case "az":
		s.key, s.secret = azureAccount, azureKey
		s.auth = "auth \"azure\" {\n      account = var.key\n      key     = var.secret\n    }"
	case "gs":
		s.auth = fmt.Sprintf("auth \"google\" {\n      credentials = %q\n    }", googleAccount(t))
	}
	return s
}

// makeContainer makes the container corpus of an Azurite.
func makeContainer(t *testing.T, base string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, base+"/corpus?restype=container&"+azureSAS, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
}

// googleAccount is the key file of an account, for which a server gives out tokens.
func googleAccount(t *testing.T) string {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token": "of-tests", "token_type": "Bearer", "expires_in": 3600}`) // as above
	}))
	t.Cleanup(tokens.Close)
	key, err := rsa.GenerateKey(cryptorand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	file, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "me@example.com",
		"token_uri": tokens.URL, "private_key": string(private)})
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// signedIn has requests without the token of [googleAccount] refused.
func signedIn(serves http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer of-tests" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serves.ServeHTTP(w, r)
	})
}

// realStore starts the server whose command line is in a variable. It keeps buckets as folders of
// {dir}, listens at {addr} or {port}, and knows storeKey and storeSecret.
func realStore(t *testing.T, scheme, variable string) *store {
	t.Helper()
	command := os.Getenv(variable)
	if command == "" {
		t.Skip(variable + " names no server of object storage: see the comment above the test")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, dir := listener.Addr().String(), t.TempDir()
	_, port, _ := net.SplitHostPort(addr)
	listener.Close()
	if err := os.Mkdir(filepath.Join(dir, "corpus"), 0o755); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(strings.NewReplacer("{addr}", addr, "{port}", port, "{dir}", dir).Replace(command))
	cmd := exec.Command(words[0], words[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the server said:\n%s", out.String())
		}
	})
	for range 1000 {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			to := &url.URL{Scheme: "http", Host: addr}
			s := newStore(t, scheme, dir, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.Out.Host = r.In.Host // which is signed
			}})
			if scheme == "az" {
				s.url += "/" + azureAccount
				base := "http://" + addr + "/" + azureAccount
				s.root = t.TempDir()
				s.pull = func() error { return pullAzure(base, s.root) }
				makeContainer(t, base)
			}
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the server does not listen")
	return nil
}

// growingIn writes a pipeline whose files are on a store, and which commits as often as it can.
func (b tools) growingIn(dir string, s *store, round, records int) (file string, err error) {
	file = filepath.Join(dir, "p.hcl")
	way := growing[round%len(growing)]
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady = { source = %q }
  }
}
variable "bucket" { default = "corpus" }
variable "key" { default = %q }
variable "secret" { default = %q }
source "steady" {
  records = %d
  every   = 8
  pad     = %d
}
sink "jsonl" {
  path     = "%s://${var.bucket}/round%d/{stream}.jsonl"
  endpoint = %q
  %s
  http {
    %s
  }
}
`, b.path("steady"), s.key, s.secret, records, way.pad, s.scheme, round, s.url, way.sink, s.auth)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// TestObjectsKilled kills host, source and sink while files grow on an object store that loses
// requests and replies. Each record is there once in the end, in order. SCRAPEKIT_KILLS says how
// many kills must land.
//
//ci:plain
func TestObjectsKilled(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b, root := needTools(t), t.TempDir()
	gs := filepath.Join(root, "gs")
	az := filepath.Join(root, "az")
	b.growingKilled(t, newStore(t, "s3", root, &filesinktest.Objects{Root: root, MinPart: 5 << 20}),
		newStore(t, "gs", gs, signedIn(&filesinktest.Objects{Root: gs, Scheme: "gs", MinPart: 256 << 10})),
		newStore(t, "az", az, &filesinktest.Objects{Root: az, Scheme: "az"}))
}

// TestObjectServer is the same with a real server, which also holds signatures to be right. Go with
//
//	go build -C tools/s3 -o /tmp/s3 .
//	export SCRAPEKIT_S3="/tmp/s3 serve s3 --addr {addr} --auth-key key,a-secret-of-tests {dir}"
//	go test -run TestObjectServer ./cmd/scrapekit/e2e
//
//ci:stores
func TestObjectServer(t *testing.T) {
	t.Parallel()
	s := realStore(t, "s3", "SCRAPEKIT_S3")
	b := needTools(t)
	b.growingKilled(t, s)
	s.calm.Store(true)
	b.checksStore(t, s, `check auth "aws_sigv4"`)
}

// TestAzureServer is the same with Azurite, for files on Azure Blob Storage. Go with
//
//	npm install --prefix /tmp/azurite azurite@3.35.0
//	azurite=/tmp/azurite/node_modules/.bin/azurite-blob
//	export SCRAPEKIT_AZURE="$azurite --location {dir} --blobHost 127.0.0.1 --blobPort {port}"
//	go test -run TestAzureServer ./cmd/scrapekit/e2e
//
//ci:clouds
func TestAzureServer(t *testing.T) {
	t.Parallel()
	s := realStore(t, "az", "SCRAPEKIT_AZURE")
	b := needTools(t)
	b.growingKilled(t, s)
	s.calm.Store(true)
	b.checksStore(t, s, `check auth "azure"`)
	s.auth = fmt.Sprintf("auth \"azure\" {\n      sas = %q\n    }", azureSAS)
	if _, err := b.growingRound(t.Context(), t.TempDir(), s, 100, 0, rand.New(rand.NewPCG(1, 5)),
		map[string]int{}); err != nil {
		t.Error(err)
	}
}

// pullAzure copies the container corpus of an Azurite into a folder.
func pullAzure(base, dir string) error {
	get := func(path, query string) ([]byte, error) {
		resp, err := http.Get(base + path + "?" + query + azureSAS)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", resp.Status, raw)
		}
		return raw, err
	}
	raw, err := get("/corpus", "restype=container&comp=list&")
	if err != nil {
		return err
	}
	var list struct {
		Names []string `xml:"Blobs>Blob>Name"`
	}
	if err := xml.Unmarshal(raw, &list); err != nil {
		return err
	}
	for _, name := range list.Names {
		raw, err := get("/corpus/"+name, "")
		at := filepath.Join(dir, "corpus", filepath.FromSlash(name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(at), 0o755)
		}
		if err == nil {
			err = os.WriteFile(at, raw, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestGoogleServer is the same with fake-gcs-server. It adds every part that it gets to an upload,
// though it has it already, so objects of several parts are written in peace. Go with
//
//	go build -C tools/gcs -o /tmp/gcs github.com/fsouza/fake-gcs-server
//	SCRAPEKIT_GCS="/tmp/gcs -backend filesystem -filesystem-root {dir} -host 127.0.0.1 -port {port} -scheme http"
//	export SCRAPEKIT_GCS
//	go test -run TestGoogleServer ./cmd/scrapekit/e2e
//
//ci:clouds
func TestGoogleServer(t *testing.T) {
	t.Parallel()
	s := realStore(t, "gs", "SCRAPEKIT_GCS")
	b := needTools(t)
	b.growingInPeace(t, s)
}

// growingInPeace kills runs whose objects have one part. An object of several parts it lets be.
func (b tools) growingInPeace(t *testing.T, s *store) {
	t.Helper()
	random, landed := rand.New(rand.NewPCG(1, 5)), map[string]int{}
	for round := range len(growing) - 1 {
		if _, err := b.growingRound(t.Context(), t.TempDir(), s, round, 6, random, landed); err != nil {
			t.Fatal(err)
		}
	}
	s.calm.Store(true)
	before := s.parts.Load()
	if _, err := b.growingRound(t.Context(), t.TempDir(), s, len(growing)-1, 0, random, landed); err != nil {
		t.Fatal(err)
	}
	t.Logf("kills %v; %d of %d requests went wrong, %d were for parts", landed, s.ill.Load(), s.requests.Load(),
		s.parts.Load())
	if len(landed) < 3 || s.ill.Load() < 5 || s.parts.Load() < before+2 {
		t.Error("the test proves less than it says")
	}
}

func (b tools) growingKilled(t *testing.T, on ...*store) {
	t.Helper()
	all, seed := number(t, "SCRAPEKIT_KILLS", 20), number(t, "SCRAPEKIT_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 5))
	landed := map[string]int{}
	var ill, parts int64
	for total, round := 0, 0; total < all; round++ {
		s := on[(round+round/len(growing))%len(on)]
		n, err := b.growingRound(t.Context(), t.TempDir(), s, round, 6, random, landed)
		if err != nil {
			t.Fatalf("seed %d, round %d, after %d kills: %v", seed, round, total, err)
		}
		total += n
	}
	for _, s := range on {
		t.Logf("%s: %d of %d requests went wrong, %d were for parts",
			s.scheme, s.ill.Load(), s.requests.Load(), s.parts.Load())
		ill, parts = ill+s.ill.Load(), parts+s.parts.Load()
	}
	t.Logf("kills %v", landed)
	if all >= 20 && (len(landed) < 3 || ill < 10 || parts < 2) {
		t.Error("the test proves less than it says")
	}
}

// checksStore tries settings that are right, and such that are not.
func (b tools) checksStore(t *testing.T, s *store, login string) {
	t.Helper()
	file, err := b.growingIn(t.TempDir(), s, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	sink := ":16: sink jsonl: " + s.scheme + "://"
	for setting, want := range map[string][]string{
		"bucket=corpus":       {"is right"},
		"bucket=nowhere":      {sink + "nowhere/", " nowhere, or mend path"},
		"key=another":         {sink + "corpus/", login},
		"secret=bWlzdGFrZW4=": {sink + "corpus/", login},
	} {
		out, err := exec.CommandContext(t.Context(), b.path("scrapekit"), "validate", "--check", "--var", setting,
			file).CombinedOutput()
		if (err == nil) != (want[0] == "is right") || bytes.Contains(out, []byte("conditional writes")) {
			t.Errorf("%s: %v\n%s", setting, err, out)
		}
		for _, text := range want {
			if !bytes.Contains(out, []byte(text)) {
				t.Errorf("%s: no %q in\n%s", setting, text, out)
			}
		}
		if want[0] == "is right" {
			continue
		}
		out, err = exec.CommandContext(t.Context(), b.path("scrapekit"), "run", "--var", setting, file).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte(want[1])) ||
			!bytes.Contains(out, []byte("Nothing was delivered")) {
			t.Errorf("run with %s: %v\n%s", setting, err, out)
		}
	}
}

// TestUnconditionalStore: a check says what a store does not know.
func TestUnconditionalStore(t *testing.T) {
	t.Parallel()
	b, root := needTools(t), t.TempDir()
	s := newStore(t, "s3", root, &filesinktest.Objects{Root: root, Unconditional: true})
	s.calm.Store(true)
	file, err := b.growingIn(t.TempDir(), s, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), b.path("scrapekit"), "validate", "--check", file).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("conditional writes")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// growingRound runs a pipeline to its end, with some kills at most, and returns how many landed.
func (b tools) growingRound(ctx context.Context, dir string, s *store, round, most int, random *rand.Rand,
	landed map[string]int) (n int, err error) {
	const records = 320
	file, err := b.growingIn(dir, s, round, records)
	if err != nil {
		return 0, err
	}
	host := crashtest.Program{Path: b.path("launch"),
		Args: []string{b.path("scrapekit"), "run", file, "--output", "plain"}, Root: dir}
	for killed := true; killed; {
		p, at := host, 0
		for _, victim := range []string{"jsonl", "steady", ""} {
			if n+len(p.Strikes) < most && (victim == "" || random.IntN(3) > 0) {
				at += 1 + random.IntN(110)
				p.Strikes = append(p.Strikes, crashtest.Strike{At: at, Of: victim})
			}
		}
		out, err := p.Run(ctx)
		if err != nil {
			return n, err
		}
		killed = false
		for _, struck := range out.Struck {
			n++
			landed[cmp.Or(struck.Of, "host")]++
			killed = killed || struck.Of == ""
		}
		if !killed && out.Code != 0 {
			return n, fmt.Errorf("after %v the host ended by itself with %d:\n%s", out.Struck, out.Code, out.Output)
		}
	}
	// and a run that finds nothing new
	if out, err := exec.CommandContext(ctx, b.path("scrapekit"), "run", file).CombinedOutput(); err != nil {
		return n, fmt.Errorf("%w\n%s", err, out)
	}
	if s.pull != nil {
		if err := s.pull(); err != nil {
			return n, err
		}
	}
	if err := inOrder(filepath.Join(s.root, "corpus", fmt.Sprint("round", round)), records); err != nil {
		return n, err
	}
	return n, os.RemoveAll(dir)
}

// inOrder holds that the objects of a folder have each record once, in order of their numbers.
func inOrder(dir string, records int) error {
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	next := 0
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(raw)) {
			if id := idOf(line); id != strconv.Itoa(next) || !strings.HasSuffix(line, "}\n") {
				return fmt.Errorf("%s has record %.40q where %d should be", f.Name(), line, next)
			}
			next++
		}
	}
	if next != records {
		return fmt.Errorf("%d records, want %d", next, records)
	}
	return nil
}
