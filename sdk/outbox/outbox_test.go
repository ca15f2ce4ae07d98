package outbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/durable"
	"github.com/scrapekit/scrapekit/sdk/outbox"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv names the folder in which the test binary, started once more, delivers batches.
const childEnv = "OUTBOX_TEST_CHILD"

func TestMain(m *testing.M) {
	crashtest.Main(m, childEnv, deliver)
}

const batches = 3

// refused is the batch of which the far end refuses the record.
const refused = "batch 2"

// keep is what the host of deliver saves with each commit.
type keep struct {
	Token   sdk.Token
	Letters []string
	Done    int
}

// commit is a commit of the host.
func (k *keep) commit(box *outbox.Box, path string) error {
	token, err := box.Commit()
	var rejects sdk.Rejects
	if !errors.As(err, &rejects) && err != nil {
		return err
	}
	k.Token = token
	for _, r := range rejects {
		k.Letters = append(k.Letters, string(r.Record))
	}
	raw, err := json.Marshal(k)
	if err == nil {
		err = durable.Replace(path, raw, true)
	}
	box.Kept()
	return err
}

// deliver is a host, a sink and a far end in one: three batches, numbered, are sealed and
// delivered. The host keeps tokens and dead letters in a file, the far end writes what comes to
// another.
func deliver(dir string) error {
	kept, private := filepath.Join(dir, "token"), filepath.Join(dir, "private")
	start := sdk.Start{Run: "r", Dir: private, Resume: true}
	var host keep
	if raw, err := os.ReadFile(kept); err == nil {
		if err := json.Unmarshal(raw, &host); err != nil {
			return err
		}
	}
	start.Token = host.Token
	if err := durable.MakeDir(private, 0o700); err != nil {
		return err
	}
	box, err := outbox.Open(start)
	if err != nil {
		return err
	}
	send := func(_ context.Context, it outbox.Item) error {
		payload, err := it.Payload()
		if err != nil {
			return err
		}
		err = far(dir, it.ID+" "+string(payload))
		if err == nil && string(payload) == refused {
			return sdk.Rejects{{Stream: "s", Record: payload, Reason: "odd"}}
		}
		return err
	}
	for host.Done < batches {
		host.Done++
		if err := errors.Join(box.Seal([]byte(fmt.Sprint("batch ", host.Done))),
			box.Deliver(context.Background(), send)); err != nil {
			return err
		}
		if err := host.commit(box, kept); err != nil {
			return err
		}
	}
	for {
		if err := box.Deliver(context.Background(), send); err != nil {
			return err
		}
		if box.Told() == nil {
			return nil
		}
		if err := host.commit(box, kept); err != nil {
			return err
		}
	}
}

// far is the far end: what has come to it is there for good.
func far(dir, line string) error {
	f, err := os.OpenFile(filepath.Join(dir, "far"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Sync(), f.Close(), durable.SyncDir(dir))
}

// check ends what was begun, and looks what the far end has: each batch once, by its id, in order.
func check(t *testing.T, when, dir string) {
	t.Helper()
	if err := deliver(dir); err != nil {
		t.Errorf("%s: %v", when, err)
		return
	}
	f, err := os.Open(filepath.Join(dir, "far"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []string
	seen := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		id, payload, ok := strings.Cut(lines.Text(), " ")
		if !ok || !strings.HasPrefix(payload, "batch ") {
			continue // a line that a cut has left half
		}
		if before, ok := seen[id]; ok {
			if before != payload {
				t.Errorf("%s: %s was %q and is %q", when, id, before, payload)
			}
			continue
		}
		seen[id] = payload
		got = append(got, payload)
	}
	if want := []string{"batch 1", "batch 2", "batch 3"}; !slices.Equal(got, want) {
		t.Errorf("%s: the far end has %q", when, got)
	}
	var host keep
	if raw, err := os.ReadFile(filepath.Join(dir, "token")); err != nil || json.Unmarshal(raw, &host) != nil ||
		!slices.Equal(host.Letters, []string{refused}) {
		t.Errorf("%s: dead letters %q (%v)", when, host.Letters, err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "private", "outbox")); err != nil || len(left) != 1 {
		t.Errorf("%s: left %v (%v)", when, left, err)
	}
}

// TestPowerCuts: after a power cut at any moment each batch comes to the far end once, under one
// id.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	_, out := crashtest.Child(t, childEnv, crashtest.Fault{})
	n := 0
	for c := range out.PowerCuts(1) {
		n++
		dir := t.TempDir()
		if err := c.Restore(dir); err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprintf("power cut after %d operations, %s kept", c.After, c.How), dir)
	}
	if out.Code != 0 || n < 45 {
		t.Errorf("code %d, %d power cuts\n%s", out.Code, n, out.Output)
	}
}

// TestKills kills it before each of its operations, breaks the disk, and fills it.
func TestKills(t *testing.T) {
	t.Parallel()
	for _, do := range []crashtest.Failure{crashtest.Kill, crashtest.BrokenDisk, crashtest.FullDisk} {
		for n := 1; ; n++ {
			dir, out := crashtest.Child(t, childEnv, crashtest.Fault{At: n, Do: do})
			if out.Hit == nil {
				if n < 40 {
					t.Errorf("%s: only %d operations", do, n-1)
				}
				break
			}
			check(t, fmt.Sprintf("%s at operation %d (%v)", do, n, out.Hit), dir)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(s sdk.Start) *outbox.Box {
		t.Helper()
		s.Dir = dir
		b, err := outbox.Open(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ids := map[string]bool{}
	send := func(_ context.Context, it outbox.Item) error {
		if ids[it.ID] {
			t.Errorf("%s again", it.ID)
		}
		ids[it.ID] = true
		return nil
	}
	first := open(sdk.Start{})
	if err := errors.Join(first.Seal([]byte("a")), first.Seal(nil), first.Deliver(t.Context(), send)); err != nil ||
		len(ids) > 0 || first.Waiting() != 1 {
		t.Errorf("%v: %d delivered before the host has kept the token, %d wait", err, len(ids), first.Waiting())
	}
	token, err := first.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Seal([]byte("b")); err != nil { // after the token
		t.Fatal(err)
	}
	again := open(sdk.Start{Token: token, Resume: true})
	failing := errors.New("far away")
	if err := again.Deliver(t.Context(), func(context.Context, outbox.Item) error { return failing }); !errors.Is(err,
		failing) || again.Waiting() != 1 {
		t.Errorf("%v, %d wait", err, again.Waiting())
	}
	if err := again.Deliver(t.Context(), send); err != nil || len(ids) != 1 || again.Waiting() != 0 {
		t.Errorf("%v: %v", err, ids)
	}
	over := open(sdk.Start{Token: token, Full: true})
	over.Kept()
	if err := over.Seal([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := over.Commit(); err != nil {
		t.Fatal(err)
	}
	over.Kept()
	if err := over.Deliver(t.Context(), send); err != nil || len(ids) != 2 {
		t.Errorf("a full run: %v, ids %v", err, ids)
	}
	if _, err := outbox.Open(sdk.Start{Dir: dir, Token: token}); !sdk.IsPermanent(err) {
		t.Errorf("the token of another beginning: %v", err)
	}
	if _, err := outbox.Open(sdk.Start{}); !sdk.IsPermanent(err) {
		t.Errorf("without a folder: %v", err)
	}
}

// TestSealedAfterTheToken: each Write says that the last token is kept, and what was sealed after
// it is not covered by that.
func TestSealedAfterTheToken(t *testing.T) {
	t.Parallel()
	box, err := outbox.Open(sdk.Start{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	send := func(context.Context, outbox.Item) error { sent++; return nil }
	for n := range 4 {
		if n == 2 {
			if _, err := box.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		box.Kept()
		if err := errors.Join(box.Deliver(t.Context(), send), box.Seal([]byte("a"))); err != nil {
			t.Fatal(err)
		}
	}
	if sent != 2 || box.Waiting() != 2 {
		t.Errorf("%d sent, %d wait", sent, box.Waiting())
	}
}

// TestToldIsDelivered: a batch whose removal a power cut has taken back, but not that of its
// refused records, is not sent again: they would be told twice.
func TestToldIsDelivered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	box, err := outbox.Open(sdk.Start{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var path string
	send := func(_ context.Context, it outbox.Item) error {
		path = filepath.Join(dir, "outbox", it.ID+".0")
		return sdk.Rejects{{Stream: "s", Record: []byte("a"), Reason: "odd"}}
	}
	if err := box.Seal([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := box.Commit(); err != nil {
		t.Fatal(err)
	}
	box.Kept()
	if err := box.Deliver(t.Context(), send); err != nil || !errors.Is(box.Told(), sdk.ErrUntold) {
		t.Fatalf("%v, %v", err, box.Told())
	}
	token, err := box.Commit()
	var rejects sdk.Rejects
	if !errors.As(err, &rejects) || len(rejects) != 1 {
		t.Fatal(err)
	}
	box.Kept()
	if err := box.Deliver(t.Context(), send); err != nil || box.Told() != nil {
		t.Fatalf("%v, %v", err, box.Told())
	}
	if err := os.WriteFile(path, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if box, err = outbox.Open(sdk.Start{Dir: dir, Token: token}); err != nil || box.Waiting() != 0 {
		t.Errorf("%v: %d wait", err, box.Waiting())
	}
}

// TestFormerInstance: what one seals that another has followed is not delivered in the place of
// what that one has sealed.
func TestFormerInstance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(epoch int64, token sdk.Token) *outbox.Box {
		t.Helper()
		box, err := outbox.Open(sdk.Start{Dir: dir, Epoch: epoch, Token: token, Resume: token != nil})
		if err != nil {
			t.Fatal(err)
		}
		return box
	}
	commit := func(box *outbox.Box) sdk.Token {
		t.Helper()
		token, err := box.Commit()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	former := open(1, nil)
	token := commit(former)
	latter := open(2, token)
	if err := errors.Join(latter.Seal([]byte("right")), former.Seal([]byte("wrong")), former.Seal([]byte("too many")),
		latter.Seal([]byte("too"))); err != nil {
		t.Fatal(err)
	}
	token = commit(latter)
	var sent []string
	send := func(_ context.Context, it outbox.Item) error {
		payload, err := it.Payload()
		sent = append(sent, string(payload))
		return err
	}
	if err := open(3, token).Deliver(t.Context(), send); err != nil || !slices.Equal(sent, []string{"right", "too"}) {
		t.Errorf("%v: delivered %q", err, sent)
	}
	if err := latter.Seal([]byte("x")); err != nil {
		t.Fatal(err)
	}
	latter.Kept()
	if err := latter.Deliver(t.Context(), func(context.Context, outbox.Item) error { return nil }); err != nil {
		t.Errorf("a batch that another instance has removed: %v", err)
	}
}
