package install_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk"
)

// publisher signs what it publishes.
type publisher struct{ signer *artifact.Signer }

func newPublisher(t testing.TB) publisher {
	t.Helper()
	_, private, err := artifact.GenerateKey("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := artifact.OpenSigner(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return publisher{s}
}

// release is what a test publishes, before it is signed.
type release struct {
	name, version string // name: as published, "registry.example.com/acme/hello"
	permissions   sdk.Permissions
	config        json.RawMessage // schema of the settings
	protocol      int
	programs      map[artifact.Platform]string // nil: one for each of the usual platforms
	archive       []byte                       // in place of those that hold the programs
	unsigned      bool
}

var usual = []artifact.Platform{"linux_amd64", "darwin_arm64", "windows_amd64", "linux_arm64"}

func (r release) program(p artifact.Platform) string {
	if r.programs != nil {
		return r.programs[p]
	}
	return fmt.Sprintf("#!/bin/sh\n# %s %s %s\n", r.name, r.version, p)
}

func (r release) archiveFor(p artifact.Platform) []byte {
	if r.archive != nil {
		return r.archive
	}
	var raw bytes.Buffer
	text := r.program(p)
	if err := artifact.WriteArchive(&raw,
		artifact.File{Name: "hello", Size: int64(len(text)), Content: strings.NewReader(text)}, nil); err != nil {
		panic(err)
	}
	return raw.Bytes()
}

// publish puts a release into a remote.
func (p publisher) publish(t testing.TB, to remote.Remote, r release) artifact.Statement {
	t.Helper()
	paths, err := artifact.PathsOf(sdk.Info{Kind: sdk.KindSource, Config: r.config})
	if err != nil {
		t.Fatal(err)
	}
	s := artifact.Statement{Source: r.name, Key: p.signer.Public, Targets: map[artifact.Platform]artifact.Target{},
		Manifest: artifact.Manifest{
			Name: artifact.ShortName(r.name), Version: r.version, Kind: sdk.KindSource, Protocol: max(r.protocol, 1),
			Permissions: r.permissions, Paths: paths,
		}}
	if r.unsigned {
		s.Key = ""
	}
	for _, platform := range usual {
		if r.programs != nil && r.programs[platform] == "" {
			continue
		}
		raw := r.archiveFor(platform)
		s.Targets[platform] = artifact.Target{Archive: digest.FromBytes(raw), Size: int64(len(raw)),
			Binary: digest.FromString(r.program(platform))}
	}
	form, err := artifact.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Index = form.Index.Descriptor.Digest
	raw, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	signed := artifact.Signed{Statement: raw, Signature: p.signer.Sign(raw, "")}
	if r.unsigned {
		signed.Signature = nil
	}
	whole, err := artifact.NewRelease(signed)
	if err != nil {
		t.Fatal(err)
	}
	err = to.(remote.Pusher).Push(t.Context(), whole,
		func(_ context.Context, platform artifact.Platform, _ artifact.Target) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(r.archiveFor(platform))), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const hello = "registry.example.com/acme/scrapekit-hello"

// world is a folder with a lock file, a user, and a published place that the tests know by the
// names of a registry.
type world struct {
	*install.Installer
	t         testing.TB
	dir       string
	published string // a layout
	asked     []*install.Plan
	consent   error
	offline   bool
	described sdk.Info // what programs say of themselves; its zero value: what is right
	signed    map[string]sdk.Info
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w, home := emptyWorld(t), t.TempDir()
	w.dir, w.published = t.TempDir(), t.TempDir()
	w.LockFile, w.KeysFile, w.Store = filepath.Join(w.dir, lock.FileName), filepath.Join(home, "config",
		"trust.hcl"), store.At(filepath.Join(home, "store"))
	return w
}

// emptyWorld is one that has no place yet.
func emptyWorld(t testing.TB) *world {
	w := &world{t: t, signed: map[string]sdk.Info{}}
	w.Installer = &install.Installer{
		Settings: install.Settings{Trust: install.TrustFirstUse}, Protocol: 1, Shipped: []string{"jira", "jsonl"},
		Platforms: []artifact.Platform{artifact.Here()},
		Now:       func() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) },
		Open:      w.open, Describe: w.describe, Consent: func(_ context.Context,
			p *install.Plan) error {
			w.asked = append(w.asked, p)
			return w.consent
		},
	}
	return w
}

// open finds registry.example.com in the layout.
func (w *world) open(s artifact.Source) (remote.Remote, error) {
	if w.offline && s.Kind != artifact.Layout {
		return nil, errors.New("no network")
	}
	if s.Kind == artifact.Registry && !artifact.IsLoopback(s.Host) {
		s = artifact.Source{Text: s.Text, Kind: artifact.Layout, Path: w.published, Name: s.Name}
	}
	return remote.Open(s, remote.Options{Dir: w.dir})
}

func (w *world) describe(_ context.Context, path, digest string) (sdk.Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return sdk.Info{}, err
	}
	if digestOf(string(raw)) != digest {
		return sdk.Info{}, fmt.Errorf("not the program with the digest %s", digest)
	}
	if w.described.Name != "" {
		return w.described, nil
	}
	return w.signed[digest], nil
}

func digestOf(text string) string { return digest.FromString(text).String() }

// publish publishes in the layout.
func (w *world) publish(p publisher, r release) artifact.Statement {
	w.t.Helper()
	s, err := artifact.ParseSource(r.name)
	if err != nil {
		w.t.Fatal(err)
	}
	to, err := w.open(s)
	if err != nil {
		w.t.Fatal(err)
	}
	st := p.publish(w.t, to, r)
	w.know(st, r.config)
	return st
}

// know lets the programs of a statement say of themselves what it says.
func (w *world) know(s artifact.Statement, config json.RawMessage) {
	m := s.Manifest
	for _, t := range s.Targets {
		w.signed[t.Binary.String()] = sdk.Info{Name: m.Name, Version: m.Version, Kind: m.Kind,
			Permissions: m.Permissions, Config: config}
	}
}

// install resolves and applies.
func (w *world) install(how install.Mode, demands ...install.Demand) (*install.Plan, error) {
	plan, err := w.Resolve(w.t.Context(), demands, how)
	if err != nil {
		return nil, err
	}
	return plan, w.Apply(w.t.Context(), plan)
}

// must is install for what must succeed, and returns what became of the only plugin.
func (w *world) must(how install.Mode, d install.Demand) *install.Change {
	w.t.Helper()
	plan, err := w.install(how, d)
	if err != nil {
		w.t.Fatal(err)
	}
	return plan.Changes[0]
}

func (w *world) locked() *lock.File {
	w.t.Helper()
	f, err := lock.Read(w.LockFile)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *world) lockText() string {
	raw, err := os.ReadFile(w.LockFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return string(raw)
}

// programs are the digests in the store, each of a right program; nothing else is left there.
func (w *world) programs() []string {
	w.t.Helper()
	items, err := w.Store.Items()
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, i := range items {
		if err := i.Check(); err != nil {
			w.t.Error(err)
		}
		out = append(out, i.Digest)
	}
	if left, err := os.ReadDir(filepath.Join(w.Store.Dir(), "tmp")); err == nil && len(left) > 0 {
		w.t.Errorf("left in the store: %v", left)
	}
	return out
}

func want(source, constraint string) install.Demand {
	return install.Demand{Source: source, Constraint: constraint, Where: "x.hcl:3"}
}

func TestInstall(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	for _, version := range []string{"1.1.0", "1.2.0", "1.2.1-rc.1", "2.0.0"} {
		w.publish(acme, release{name: hello, version: version})
	}
	c := w.must(install.Mode{}, want(hello, "~> 1.1"))
	if c.Action != install.Added || c.After.Version.String() != "1.2.0" || !c.FirstUse || c.Vouched ||
		len(w.asked) != 0 {
		t.Errorf("%+v, asked %d times", c, len(w.asked))
	}
	p, _ := w.locked().Get(hello)
	if p.Signer != (lock.Signer{Key: acme.signer.Public, Since: "2026-11-25"}) || len(p.Targets) != 4 ||
		p.Constraints != "~> 1.1" || p.Name != "hello" || p.Protocol != 1 {
		t.Errorf("%+v", p)
	}
	if got := w.programs(); len(got) != 1 || got[0] != p.Targets[artifact.Here()].Binary.String() {
		t.Errorf("store: %v", got)
	}
	text := w.lockText()
	w.offline = true // what is locked and here needs nobody
	for _, how := range []install.Mode{{}, {Locked: true}} {
		if c := w.must(how, want(hello, "~> 1.1")); c.Action != install.Kept || w.lockText() != text {
			t.Errorf("%+v: %s\n%s", how, c.Action, w.lockText())
		}
	}
	w.offline = false
	if c := w.must(install.Mode{}, want(hello, "~> 2.0")); c.Action != install.Updated ||
		c.After.Version.String() != "2.0.0" || c.FirstUse {
		t.Errorf("another constraint: %+v", c)
	}
	if _, err := w.install(install.Mode{}, want(hello, "~> 3.0")); err == nil ||
		!strings.Contains(err.Error(), `x.hcl:3: `+hello+
			`: no version fits "~> 3.0": there are 2.0.0, 1.2.1-rc.1, 1.2.0, 1.1.0`) {
		t.Errorf("%v", err)
	}
	if c := w.must(install.Mode{Upgrade: true}, want(hello, "")); c.Action != install.Kept {
		t.Errorf("an upgrade of the newest: %s", c.Action)
	}
}

// TestOnAnotherMachine: the lock file alone says what is fetched, whatever is newer, and for
// whichever platform.
func TestOnAnotherMachine(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	other := newWorld(t)
	other.published, other.signed = w.published, w.signed
	w.publish(acme, release{name: hello, version: "1.1.0"})
	if err := os.WriteFile(other.LockFile, []byte(w.lockText()), 0o644); err != nil {
		t.Fatal(err)
	}
	other.Platforms = usual // this machine's among them, or not
	if c := other.must(install.Mode{Locked: true}, want(hello, "")); c.Action != install.Fetched ||
		c.After.Version.String() != "1.0.0" {
		t.Errorf("%+v", c)
	}
	if got := other.programs(); len(got) != len(usual) || other.lockText() != w.lockText() {
		t.Errorf("%v\n%s", got, other.lockText())
	}
}

func TestLockedChangesNothing(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.publish(acme, release{name: hello, version: "2.0.0"})
	var locked *install.LockedError
	if _, err := w.install(install.Mode{Locked: true}, want(hello, "")); !errors.As(err, &locked) ||
		w.lockText() != "" {
		t.Errorf("not locked yet: %v", err)
	}
	w.must(install.Mode{}, want(hello, "~> 1.0"))
	if _, err := w.install(install.Mode{Locked: true}, want(hello, "~> 2.0")); !errors.As(err, &locked) ||
		!strings.Contains(err.Error(), "has version 1.0.0, wanted is ~> 2.0") {
		t.Errorf("another version is wanted: %v", err)
	}
	text := w.lockText()
	if c := w.must(install.Mode{Locked: true}, want(hello, ">= 1.0")); c.Action != install.Kept ||
		w.lockText() != text {
		t.Errorf("%s\n%s", c.Action, w.lockText())
	}
}

// TestPermissions: what is asked for beyond what was granted is asked of the user, and nothing is
// done without.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0",
		permissions: sdk.Permissions{HTTP: []string{"https://api.example.com", "https://old.example.com"}}})
	w.consent = errors.New("no")
	if _, err := w.install(install.Mode{}, want(hello, "")); !errors.Is(err, w.consent) || w.lockText() != "" ||
		len(w.programs()) != 0 {
		t.Errorf("refused: %v\n%s", err, w.lockText())
	}
	w.consent = nil
	c := w.must(install.Mode{}, want(hello, ""))
	if len(w.asked) != 2 || len(c.More.HTTP) != 2 {
		t.Errorf("asked %d times, %+v", len(w.asked), c.More)
	}
	text := w.lockText()
	w.publish(acme, release{name: hello, version: "1.1.0",
		permissions: sdk.Permissions{HTTP: []string{"https://api.example.com"}, Dial: []string{"db.example.com:5432"}}})
	w.consent = errors.New("no")
	if _, err := w.install(install.Mode{Upgrade: true}, want(hello, "")); !errors.Is(err, w.consent) ||
		w.lockText() != text {
		t.Errorf("refused: %v\n%s", err, w.lockText())
	}
	w.consent = nil
	c = w.must(install.Mode{Upgrade: true}, want(hello, ""))
	if got := fmt.Sprint(c.More.Lines(),
		c.Less.Lines()); got != "[open connections: db.example.com:5432] [ask over HTTP: https://old.example.com]" {
		t.Errorf("the difference: %s", got)
	}
	w.publish(acme, release{name: hello, version: "1.2.0",
		permissions: sdk.Permissions{HTTP: []string{"https://api.example.com"}}})
	before := len(w.asked)
	if w.must(install.Mode{Upgrade: true}, want(hello, "")); len(w.asked) != before {
		t.Error("asked although it wants less")
	}
}

func TestRollbackIsRefused(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.publish(acme, release{name: hello, version: "1.1.0"})
	w.must(install.Mode{}, want(hello, "~> 1.0"))
	text := w.lockText()
	w.published = t.TempDir() // a registry that hides the newest version
	w.publish(acme, release{name: hello, version: "1.0.0"})
	var rollback *install.RollbackError
	for _, constraint := range []string{"~> 1.0", "", "< 1.1"} {
		_, err := w.install(install.Mode{Upgrade: true}, want(hello, constraint))
		if !errors.As(err, &rollback) || !strings.Contains(err.Error(), "1.0.0") ||
			!strings.Contains(err.Error(), "1.1.0") || w.lockText() != text {
			t.Errorf("%q: %v", constraint, err)
		}
	}
	if c := w.must(install.Mode{}, want(hello, "1.0.0")); c.Action != install.Downgrade ||
		c.After.Version.String() != "1.0.0" {
		t.Errorf("an exact version: %+v", c)
	}
}

// TestSwappedTag: a version that is published a second time with another content.
func TestSwappedTag(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	text := w.lockText()
	w.published = t.TempDir()
	evil := map[artifact.Platform]string{}
	for _, p := range usual {
		evil[p] = "#!/bin/sh\n# evil\n"
	}
	w.publish(acme, release{name: hello, version: "1.0.0", programs: evil})
	var rollback *install.RollbackError
	if _, err := w.install(install.Mode{Upgrade: true}, want(hello, "")); !errors.As(err, &rollback) ||
		!strings.Contains(err.Error(), "somebody has replaced it") || w.lockText() != text {
		t.Errorf("an upgrade: %v", err)
	}
	if err := os.RemoveAll(w.Store.Dir()); err != nil { // another machine, which has the lock file
		t.Fatal(err)
	}
	if _, err := w.install(install.Mode{}, want(hello, "")); !errors.Is(err, remote.ErrNotFound) ||
		len(w.programs()) != 0 {
		t.Errorf("what is locked is not there: %v", err)
	}
}

func TestTamperedBlob(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	s := w.publish(acme, release{name: hello, version: "1.0.0"})
	blob := filepath.Join(w.published, "blobs", "sha256", s.Targets[artifact.Here()].Archive.Encoded())
	raw, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	longer := append(slices.Clone(raw), 0)
	other := slices.Clone(raw)
	other[len(other)/2] ^= 1
	for name, text := range map[string][]byte{"longer": longer, "shorter": raw[:len(raw)-1], "other": other,
		"empty": nil} {
		if err := errors.Join(os.Chmod(blob, 0o644), os.WriteFile(blob, text, 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.install(install.Mode{}, want(hello, "")); !errors.Is(err, artifact.ErrContent) ||
			w.lockText() != "" || len(w.programs()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(blob, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	w.must(install.Mode{}, want(hello, ""))
}

// TestHostileArchives: the publisher itself is the attacker, and signs them.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	program := "#!/bin/sh\n"
	for name, entries := range hostile(program) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, acme := newWorld(t), newPublisher(t)
			programs := map[artifact.Platform]string{}
			for _, p := range usual {
				programs[p] = program
			}
			w.publish(acme, release{name: hello, version: "1.0.0", programs: programs, archive: entries})
			_, err := w.install(install.Mode{}, want(hello, ""))
			if err == nil || !strings.Contains(err.Error(), hello+" 1.0.0 for "+string(artifact.Here())) ||
				w.lockText() != "" || len(w.programs()) != 0 {
				t.Errorf("%v", err)
			}
			t.Log(err)
			var outside []string
			if err := filepath.WalkDir(filepath.Dir(w.Store.Dir()), func(path string, d os.DirEntry, _ error) error {
				if strings.Contains(d.Name(), "evil") {
					outside = append(outside, path)
				}
				return nil
			}); err != nil || outside != nil {
				t.Errorf("%v %v", outside, err)
			}
		})
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	other := artifact.Platform("darwin_arm64")
	if artifact.Here() == other {
		other = "linux_amd64"
	}
	w.publish(acme, release{name: hello, version: "1.0.0",
		programs: map[artifact.Platform]string{other: "#!/bin/sh\n"}})
	if _, err := w.install(install.Mode{}, want(hello, "")); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprintf("version 1.0.0 is not published for %s; it is for %s",
			artifact.Here(), other)) {
		t.Errorf("%v", err)
	}
	w.Platforms = []artifact.Platform{other}
	w.described = sdk.Info{Name: "it was started"}
	if c := w.must(install.Mode{}, want(hello, "")); c.Action != install.Added || len(w.programs()) != 1 {
		t.Errorf("for another platform: %+v", c)
	}
	w.Platforms = []artifact.Platform{artifact.Here()}
	if _, err := w.install(install.Mode{Locked: true}, want(hello, "")); err == nil ||
		!strings.Contains(err.Error(), "is not published for") {
		t.Errorf("locked: %v", err)
	}
}

// TestProgramForAnotherPlatform: the archive for this machine holds a program for another.
func TestProgramForAnotherPlatform(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	programs := map[artifact.Platform]string{}
	for _, p := range usual {
		programs[p] = "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00\x64\x86" + strings.Repeat("\x00",
			400)
		if p == "windows_amd64" {
			programs[p] = "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\x3e\x00\x01\x00\x00\x00" +
				strings.Repeat("\x00", 400)
		}
	}
	w.publish(acme, release{name: hello, version: "1.0.0", programs: programs})
	if _, err := w.install(install.Mode{}, want(hello, "")); err == nil ||
		!strings.Contains(err.Error(), "is built for") || len(w.programs()) != 0 {
		t.Errorf("%v", err)
	}
}

// TestSaysOfItself: a program that says other things than its publisher signed is not installed.
func TestSaysOfItself(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0",
		permissions: sdk.Permissions{HTTP: []string{"https://a.example.com"}}})
	right := sdk.Info{Name: "hello", Version: "1.0.0", Kind: sdk.KindSource,
		Permissions: sdk.Permissions{HTTP: []string{"https://a.example.com"}}}
	for want_, change := range map[string]func(*sdk.Info){
		"its name": func(i *sdk.Info) { i.Name = "jira" }, "its version": func(i *sdk.Info) { i.Version = "1.0.1" },
		"its kind": func(i *sdk.Info) { i.Kind = sdk.KindSink }, "other permissions": func(
			i *sdk.Info) {
			i.Permissions.Dial = []string{"*:*"}
		},
		"asks for other permissions": func(i *sdk.Info) { i.Permissions = sdk.Permissions{} },
	} {
		w.described = right
		change(&w.described)
		if _, err := w.install(install.Mode{}, want(hello, "")); err == nil || !strings.Contains(err.Error(), want_) ||
			w.lockText() != "" {
			t.Errorf("%s: %v", want_, err)
		}
	}
	w.described = right
	w.must(install.Mode{}, want(hello, ""))
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0", protocol: 2})
	if _, err := w.install(install.Mode{}, want(hello, "")); err == nil ||
		!strings.Contains(err.Error(), "speaks version 2 of the plugin protocol, this scrapekit "+
			"speaks 1: update scrapekit") {
		t.Errorf("%v", err)
	}
}

// TestLockFileWasEdited: what was signed decides, not what somebody wrote into the lock file.
func TestLockFileWasEdited(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	s := w.publish(acme, release{name: hello, version: "1.0.0",
		permissions: sdk.Permissions{HTTP: []string{"https://a.example.com"}}})
	w.must(install.Mode{}, want(hello, ""))
	text := w.lockText()
	for what, change := range map[string][2]string{
		"digests":     {s.Targets["windows_amd64"].Binary.String(), digestOf("evil")},
		"permissions": {"https://a.example.com", "https://*.example.com"},
		"another":     {`= "source"`, `= "sink"`},
	} {
		if err := os.WriteFile(w.LockFile, []byte(strings.ReplaceAll(text, change[0], change[1])), 0o644); err != nil {
			t.Fatal(err)
		}
		if found, err := w.Verify(); err != nil || len(found) != 1 || found[0].Problem == nil ||
			!strings.Contains(found[0].Problem.Error(), what) {
			t.Errorf("%s: verify: %+v, %v", what, found, err)
		}
		for _, here := range []string{"", ", with nothing here"} {
			if _, err := w.install(install.Mode{Locked: true}, want(hello, "")); err == nil ||
				!strings.Contains(err.Error(), "does not say what the publisher signed") {
				t.Errorf("%s%s: %v", what, here, err)
			}
			if err := os.RemoveAll(w.Store.Dir()); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(w.LockFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		w.must(install.Mode{Locked: true}, want(hello, ""))
	}
}

// TestExchangedProgram: it is noticed, and mended from what was published.
func TestExchangedProgram(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	s := w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	if found, err := w.Verify(); err != nil || len(found) != 1 || found[0].Problem != nil ||
		len(found[0].Missing) != len(usual)-1 {
		t.Fatalf("%+v, %v", found, err)
	}
	path, err := w.Store.Program(s.Targets[artifact.Here()].Binary.String(), artifact.Here().Program())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("#!/bin/sh\n# evil\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if found, err := w.Verify(); err != nil || len(found) != 1 || found[0].Problem == nil ||
		!strings.Contains(found[0].Problem.Error(), "is not the one that was installed") {
		t.Errorf("%+v, %v", found, err)
	}
	if c := w.must(install.Mode{Locked: true}, want(hello, "")); c.Action != install.Fetched {
		t.Errorf("%s", c.Action)
	}
	if found, err := w.Verify(); err != nil || found[0].Problem != nil {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestBrokenStatement: the statement in the store is mended from what was published, as programs
// are.
func TestBrokenStatement(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	s := w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	statement, signature, err := w.Store.Release(s.Index.String())
	if err != nil {
		t.Fatal(err)
	}
	for what, broken := range map[string][2][]byte{
		"no JSON": {[]byte("garbage"), signature}, "unsigned": {statement, []byte("garbage")},
		"another": {append([]byte(" "), statement...), signature},
	} {
		if err := w.Store.PutRelease(s.Index.String(), broken[0], broken[1]); err != nil {
			t.Fatal(err)
		}
		if found, err := w.Verify(); err != nil || found[0].Problem == nil ||
			!strings.Contains(found[0].Problem.Error(), "`scrapekit init` fetches it again") {
			t.Errorf("%s: %+v, %v", what, found, err)
		}
		if c := w.must(install.Mode{Locked: true}, want(hello, "")); c.Action != install.Fetched {
			t.Errorf("%s: %s", what, c.Action)
		}
		if found, err := w.Verify(); err != nil || found[0].Problem != nil {
			t.Errorf("%s, mended: %+v, %v", what, found, err)
		}
	}
}

// TestRegistry installs from a registry on loopback, mirrors into another one and into a folder,
// and installs from both offline.
func TestRegistry(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	var hosts []string
	for range 2 {
		server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true),
			registry.Logger(log.New(io.Discard, "", 0))))
		t.Cleanup(server.Close)
		hosts = append(hosts, strings.TrimPrefix(server.URL, "http://"))
	}
	name := hosts[0] + "/acme/scrapekit-hello"
	source, err := artifact.ParseSource(name)
	if err != nil {
		t.Fatal(err)
	}
	to, err := remote.Open(source, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.know(acme.publish(t, to, release{name: name, version: "1.0.0"}), nil)
	if c := w.must(install.Mode{}, want(name, "~> 1.0")); c.Action != install.Added {
		t.Errorf("%s", c.Action)
	}
	folder := filepath.Join(t.TempDir(), "mirror")
	for _, to := range []string{folder, "oci://" + hosts[1] + "/copies/"} {
		if copied, err := w.CopyTo(t.Context(), to); err != nil || len(copied) != 1 {
			t.Fatalf("%v, %v", copied, err)
		}
	}
	for _, mirror := range []install.MirrorRule{
		{Pattern: hosts[0] + "/*", To: "oci-layout:" + folder}, {Pattern: "*", To: hosts[1] + "/copies/{path}"},
	} {
		for _, bySettings := range []bool{true, false} {
			other := newWorld(t)
			other.signed = w.signed
			other.Open = func(s artifact.Source) (remote.Remote, error) {
				if s.Host == hosts[0] {
					return nil, errors.New("not to be asked")
				}
				return remote.Open(s, remote.Options{Dir: other.dir})
			}
			if bySettings {
				other.Settings.Mirrors = []install.MirrorRule{{Pattern: "elsewhere.example.com/*",
					To: "nowhere.example.com/{path}"}, mirror}
			} else {
				other.Mirror = mirror.To
			}
			other.must(install.Mode{}, want(name, "~> 1.0"))
			if other.lockText() != w.lockText() {
				t.Errorf("from %s the lock file is another:\n%s\n%s", mirror.To, other.lockText(), w.lockText())
			}
		}
	}
}

// TestLayoutAsSource: a folder named in the pipeline file, with and without the name of the plugin.
func TestLayoutAsSource(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	if err := os.CopyFS(filepath.Join(w.dir, "plugins"), os.DirFS(w.published)); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"oci-layout:./plugins", "oci-layout:./plugins#" + hello} {
		w.must(install.Mode{}, want(source, ""))
		if p, ok := w.locked().Get(source); !ok || p.PublishedAs != hello {
			t.Errorf("%s: %+v", source, p)
		}
	}
	w.publish(newPublisher(t), release{name: "registry.example.com/other/scrapekit-hello", version: "2.0.0"})
	if err := errors.Join(os.RemoveAll(filepath.Join(w.dir, "plugins")),
		os.CopyFS(filepath.Join(w.dir, "plugins"), os.DirFS(w.published))); err != nil {
		t.Fatal(err)
	}
	if c := w.must(install.Mode{Upgrade: true}, want("oci-layout:./plugins", "")); c.Action != install.Kept {
		t.Errorf("a second plugin in the folder: %+v", c)
	}
	other := newWorld(t)
	other.dir = w.dir
	if _, err := other.install(install.Mode{}, want("oci-layout:./plugins", "")); err == nil ||
		!strings.Contains(err.Error(), "holds several plugins") {
		t.Errorf("which one? %v", err)
	}
}

// TestSeveral: demands of several files are one, and all that is wrong is said at once.
func TestSeveral(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	for _, version := range []string{"1.1.0", "1.2.0", "2.0.0"} {
		w.publish(acme, release{name: hello, version: version})
	}
	w.publish(acme, release{name: "registry.example.com/acme/forum", version: "1.0.0"})
	plan, err := w.install(install.Mode{}, want(hello, ">= 1.1"), want("registry.example.com/acme/forum", ""),
		want(hello, "< 1.2"), want(hello, ">= 1.1"))
	if err != nil || len(plan.Changes) != 2 || plan.Changes[1].After.Version.String() != "1.1.0" ||
		plan.Changes[1].After.Constraints != ">= 1.1, < 1.2" {
		t.Fatalf("%+v, %v", plan, err)
	}
	_, err = w.install(install.Mode{}, want("registry.example.com/acme/none", ""),
		want("registry.example.com/acme/nothing", ""), want(hello, "> 5"))
	for _, name := range []string{"acme/none", "acme/nothing", "> 5"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	unwanted, err := w.Unwanted([]install.Demand{want(hello, "")})
	if err != nil || len(unwanted) != 1 || unwanted[0] != "registry.example.com/acme/forum" {
		t.Errorf("%v, %v", unwanted, err)
	}
	if err := w.Remove(t.Context(), unwanted...); err != nil || len(w.locked().Plugins) != 1 {
		t.Errorf("%v\n%s", err, w.lockText())
	}
}
