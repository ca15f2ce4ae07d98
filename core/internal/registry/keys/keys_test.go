package keys_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
)

func newKey(t *testing.T) artifact.Key {
	t.Helper()
	k, _, err := artifact.GenerateKey("")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFor(t *testing.T) {
	t.Parallel()
	a, b, c, d := newKey(t), newKey(t), newKey(t), newKey(t)
	k := &keys.Keys{}
	for _, e := range []keys.Entry{
		{Pattern: "r.example.com/acme/*", Key: a}, {Pattern: "r.example.com/acme/*", Key: b},
		{Pattern: "r.example.com/acme/jira", Key: c}, {Pattern: "r.example.com/*", Key: d},
		{Pattern: "r.example.com/acme/forum", Key: d, FirstUse: true},
		{Pattern: "other.example.com/acme/*", Key: c, FirstUse: true},
	} {
		k.Add(e)
	}
	for name, want := range map[string][]artifact.Key{
		"r.example.com/acme/hello":     {min(a, b), max(a, b)},
		"r.example.com/acme/jira":      {c},                    // a name is closer than a namespace
		"r.example.com/acme/forum":     {min(a, b), max(a, b)}, // what was given outweighs what was seen
		"r.example.com/acmes/jira":     {d},
		"r.example.com/acme":           {d},
		"other.example.com/acme/x":     {c},
		"r.example.com.evil.com/acme/": nil,
	} {
		var got []artifact.Key
		for _, e := range k.For(name) {
			got = append(got, e.Key)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if gone := k.Remove("r.example.com/acme/*", a); len(gone) != 1 || gone[0].Key != a ||
		len(k.For("r.example.com/acme/hello")) != 1 {
		t.Errorf("one key removed: %v", gone)
	}
	if gone := k.Remove("r.example.com/acme/*", ""); len(gone) != 1 || k.For("r.example.com/acme/hello")[0].Key != d {
		t.Errorf("a pattern removed: %v", gone)
	}
}

// TestGivenReplacesSeen: who vouches for a key takes back what nobody vouched for.
func TestGivenReplacesSeen(t *testing.T) {
	t.Parallel()
	k := &keys.Keys{}
	seen, given := newKey(t), newKey(t)
	k.Add(keys.Entry{Pattern: "r.example.com/acme/*", Key: seen, FirstUse: true})
	k.Add(keys.Entry{Pattern: "r.example.com/acme/*", Key: given})
	if len(k.Entries) != 1 || k.Entries[0].Key != given {
		t.Errorf("%+v", k.Entries)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", keys.FileName)
	if k, err := keys.Read(path); err != nil || len(k.Entries) != 0 {
		t.Fatalf("no file: %v, %v", k, err)
	}
	key := newKey(t)
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			e := keys.Entry{Pattern: fmt.Sprintf("r.example.com/n%d/*", n), Key: key, Since: "2026-11-25",
				FirstUse: n%2 == 0}
			if err := keys.Update(path, func(k *keys.Keys) { k.Add(e) }); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	k, err := keys.Read(path)
	if err != nil || len(k.Entries) != 8 {
		t.Fatalf("%d entries (%v)", len(k.Entries), err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || string(raw) != string(k.Bytes()) {
		t.Errorf("read and written it is another (%v):\n%s\n%s", err, raw, k.Bytes())
	}
}

func TestReadIsStrict(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	right := fmt.Sprintf("trust \"r.example.com/acme/*\" {\n  key = %q\n  since = \"2026-11-25\"\n}\n", string(key))
	for _, c := range []struct{ replace, by, want string }{
		{"acme/*", "ac*me", ":1: pattern"},
		{"acme/*", "", ":1: "},
		{string(key), "RWQ", `:2: trust "r.example.com/acme/*": key: "RWQ" is not a minisign public key`},
		{"2026-11-25", "today", `:3: trust "r.example.com/acme/*": since: "today" is not a date`},
		{"since", "sinse", `: trust "r.example.com/acme/*": `},
		{"trust", "trusts", `:1: there is no block "trusts"`},
	} {
		path := filepath.Join(t.TempDir(), keys.FileName)
		text := strings.Replace(right, c.replace, c.by, 1)
		if c.by == "" {
			text = strings.Replace(right, "r.example.com/acme/*", "", 1)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := keys.Read(path)
		var one *hclfile.Error
		if err == nil || !errors.As(err, &one) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v\nwant %s", text, err, c.want)
		}
		if err := keys.Update(path, func(
			*keys.Keys) {
			t.Error("a file that cannot be read is written over")
		}); err == nil {
			t.Error("a file that cannot be read is updated")
		}
	}
}
