// A lock file that came with somebody else's work, and settings that name files.

package install_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/sdk"
)

// clone is the world of another user, who has the lock file and nothing else.
func clone(t *testing.T, w *world) *world {
	t.Helper()
	other := newWorld(t)
	other.published, other.signed = w.published, w.signed
	if err := os.WriteFile(other.LockFile, []byte(w.lockText()), 0o644); err != nil {
		t.Fatal(err)
	}
	return other
}

// TestClonedLockFile: a user is asked once about what a lock file brings along, and not where it is
// followed as it stands.
func TestClonedLockFile(t *testing.T) {
	t.Parallel()
	asks := sdk.Permissions{FSWrite: []string{"/"}}
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0", permissions: asks})
	w.publish(acme, release{name: "registry.example.com/acme/scrapekit-other", version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))

	other := clone(t, w)
	other.consent = errors.New("no")
	if _, err := other.install(install.Mode{}, want(hello, "")); err == nil || len(other.programs()) > 0 {
		t.Fatalf("%v, in the store: %v", err, other.programs())
	}
	if len(other.asked) != 1 {
		t.Fatalf("asked %d times", len(other.asked))
	}
	c := other.asked[0].Changes[0]
	if c.Action != install.Fetched || !c.Unseen || !slices.Equal(c.More.FSWrite, asks.FSWrite) ||
		c.After.Signer.Key != acme.signer.Public {
		t.Errorf("%+v", c)
	}
	other.consent = nil
	other.must(install.Mode{}, want(hello, ""))
	user, err := keys.Read(other.KeysFile)
	if err != nil {
		t.Fatal(err)
	}
	if e := user.For(hello); len(e) != 1 || e[0].Key != acme.signer.Public || !e[0].FirstUse {
		t.Errorf("the key is not remembered: %+v", user.Entries)
	}

	// Once is enough, on this machine: in another folder too, and where the program has gone.
	again := clone(t, w)
	again.KeysFile, again.consent = other.KeysFile, errors.New("no")
	if c := again.must(install.Mode{}, want(hello, "")); c.Action != install.Fetched || len(again.asked) > 0 {
		t.Errorf("%+v, asked %d times", c, len(again.asked))
	}
	// What asks for more than was granted here is asked about, whatever the lock file says.
	w.publish(acme, release{name: hello, version: "1.1.0",
		permissions: sdk.Permissions{FSWrite: []string{"/"}, Dial: []string{"*:22"}}})
	w.must(install.Mode{Upgrade: true}, want(hello, ""))
	pulled := clone(t, w)
	pulled.KeysFile = other.KeysFile
	if c := pulled.must(install.Mode{}, want(hello, "")); len(pulled.asked) != 1 || c.Unseen ||
		!slices.Equal(c.More.Dial, []string{"*:22"}) || len(c.More.FSWrite) > 0 {
		t.Errorf("%+v, asked %d times", c, len(pulled.asked))
	}

	followed := clone(t, w)
	if c := followed.must(install.Mode{Locked: true}, want(hello, "")); c.Action != install.Fetched ||
		len(followed.asked) > 0 {
		t.Errorf("as it stands: %+v, asked %d times", c, len(followed.asked))
	}
	harmless := newWorld(t)
	harmless.published, harmless.signed = w.published, w.signed
	plain := want("registry.example.com/acme/scrapekit-other", "")
	harmless.must(install.Mode{}, plain)
	cloned := clone(t, harmless)
	if c := cloned.must(install.Mode{}, plain); !c.Unseen || len(cloned.asked) != 1 {
		t.Errorf("a publisher that was never seen: %+v, asked %d times", c, len(cloned.asked))
	}
}

// TestRequiredKeys: where every key is to be given, that of a cloned lock file is not.
func TestRequiredKeys(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	other := clone(t, w)
	other.Settings.Trust = install.TrustRequire
	var refused *install.KeyError
	for _, how := range []install.Mode{{}, {Locked: true}} {
		if _, err := other.install(how, want(hello, "")); !errors.As(err, &refused) ||
			!strings.Contains(err.Error(), "no key is trusted for it") {
			t.Errorf("%+v: %v", how, err)
		}
	}
	if err := keys.Update(other.KeysFile,
		func(k *keys.Keys) {
			k.Add(keys.Entry{Pattern: hello, Key: acme.signer.Public,
				Since: "2026-11-25"})
		}); err != nil {
		t.Fatal(err)
	}
	if c := other.must(install.Mode{}, want(hello, "")); !c.Vouched || c.Unseen || len(other.asked) > 0 {
		t.Errorf("%+v, asked %d times", c, len(other.asked))
	}
}

const pathSchema = `{"type":"object","required":["path"],"properties":{
	"path":{"type":"string","x-scrapekit-path":true},"ca":{"type":"string","x-scrapekit-path":true},
	"jobs":{"type":"array","items":{"$ref":"#/$defs/job"}}},"$defs":{"job":{"properties":{"log":{"x-scrapekit-path":"write"},"next":{"$ref":"#/$defs/job"}}}}}`

// TestPathSettings: settings that name files are signed and locked, and more of them are asked
// about.
func TestPathSettings(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	schema := json.RawMessage(`{"properties":{"ca":{"x-scrapekit-path":"read"}}}`)
	w.publish(acme, release{name: hello, version: "1.0.0", config: schema})
	if c := w.must(install.Mode{}, want(hello, "~> 1.0")); len(w.asked) != 0 ||
		!slices.Equal(c.After.Paths.Read, []string{"ca"}) || !slices.Equal(c.MorePaths.Read, []string{"ca"}) {
		t.Errorf("%+v, asked %d times", c, len(w.asked))
	}
	if p, _ := w.locked().Get(hello); !slices.Equal(p.Paths.Read, []string{"ca"}) || len(p.Paths.Write) > 0 {
		t.Errorf("locked: %+v", p.Paths)
	}
	w.publish(acme, release{name: hello, version: "1.1.0",
		config: json.RawMessage(`{"properties":{"ca":{"x-scrapekit-path":"read"},"name":{"x-scrapekit-path":"write"}}}`)})
	w.consent = errors.New("no")
	before := w.lockText()
	if _, err := w.install(install.Mode{Upgrade: true}, want(hello, "~> 1.0")); err == nil || w.lockText() != before {
		t.Fatalf("%v\n%s", err, w.lockText())
	}
	if c := w.asked[0].Changes[0]; !slices.Equal(c.MorePaths.Write, []string{"name"}) || len(c.MorePaths.Read) > 0 {
		t.Errorf("%+v", c.MorePaths)
	}
}

// TestOtherPathsThanSigned: a program whose schema names more files than its publisher signed is
// not installed.
func TestOtherPathsThanSigned(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.described = sdk.Info{Name: artifact.ShortName(hello), Version: "1.0.0", Kind: sdk.KindSource,
		Config: json.RawMessage(`{"properties":{"name":{"x-scrapekit-path":"write"}}}`)}
	if _, err := w.install(install.Mode{}, want(hello, "")); err == nil ||
		!strings.Contains(err.Error(), "takes other settings for paths than its publisher signed") ||
		w.lockText() != "" {
		t.Errorf("%v", err)
	}
}

func TestPathsOf(t *testing.T) {
	t.Parallel()
	for _, kind := range []sdk.Kind{sdk.KindSource, sdk.KindSink} {
		got, err := artifact.PathsOf(sdk.Info{Kind: kind, Config: json.RawMessage(pathSchema)})
		read, write := []string{"ca", "path"}, []string{"jobs[].log"}
		if kind == sdk.KindSink {
			read, write = []string{"ca"}, []string{"jobs[].log", "path"}
		}
		if err != nil || !slices.Equal(got.Read, read) || !slices.Equal(got.Write, write) {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
	}
	var deep strings.Builder
	deep.WriteString(`{"$ref":"#/$defs/d30","$defs":{"d0":{}`)
	for i := 1; i <= 30; i++ {
		deep.WriteString(strings.NewReplacer("I", strconv.Itoa(i), "J",
			strconv.Itoa(i-1)).Replace(`,"dI":{"properties":{"a":{"$ref":"#/$defs/dJ"},"b":{"$ref":"#/$defs/dJ"}}}`))
	}
	if _, err := artifact.PathsOf(sdk.Info{Config: json.RawMessage(deep.String() + "}}")}); err == nil {
		t.Error("2^30 settings were looked at")
	}
	if _, err := artifact.PathsOf(sdk.Info{Config: json.RawMessage(
		`{"properties":{"a\u001b[2K":{"x-scrapekit-path":"read"}}}`)}); err == nil {
		t.Error("a setting with an escape in its name")
	}
}
