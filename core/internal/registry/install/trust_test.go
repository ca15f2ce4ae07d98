package install_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
)

// trust gives the user a key.
func (w *world) trust(pattern string, k artifact.Key) {
	w.t.Helper()
	if err := keys.Update(w.KeysFile, func(all *keys.Keys) {
		all.Add(keys.Entry{Pattern: pattern, Key: k,
			Since: "2026-11-24"})
	}); err != nil {
		w.t.Fatal(err)
	}
}

func TestChangedKey(t *testing.T) {
	t.Parallel()
	w, acme, evil := newWorld(t), newPublisher(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	text := w.lockText()
	w.publish(evil, release{name: hello, version: "1.1.0"})
	_, err := w.install(install.Mode{Upgrade: true}, want(hello, ""))
	var changed *install.KeyError
	if !errors.As(err, &changed) || w.lockText() != text || len(w.programs()) != 1 {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{
		"the key of its publisher has changed", string(acme.signer.Public), string(evil.signer.Public),
		"since 2026-11-25",
		"scrapekit plugins trust add 'registry.example.com/acme/*' " + string(evil.signer.Public),
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in\n%v", part, err)
		}
	}
	w.trust("registry.example.com/acme/*", evil.signer.Public) // the publisher says that it is theirs
	c := w.must(install.Mode{Upgrade: true}, want(hello, ""))
	if p, _ := w.locked().Get(hello); p.Signer.Key != evil.signer.Public || !c.Vouched || c.FirstUse {
		t.Errorf("%+v\n%+v", p.Signer, c)
	}
}

// TestKeyOfTheNamespace: a key that was seen first holds for all plugins of the namespace, in every
// project of this user and in every machine that has the lock file.
func TestKeyOfTheNamespace(t *testing.T) {
	t.Parallel()
	w, acme, evil := newWorld(t), newPublisher(t), newPublisher(t)
	second := "registry.example.com/acme/forum"
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.publish(evil, release{name: second, version: "1.0.0"})
	var changed *install.KeyError
	if _, err := w.install(install.Mode{}, want(hello, ""), want(second, "")); !errors.As(err, &changed) ||
		w.lockText() != "" {
		t.Errorf("both are new: %v", err)
	}
	w.must(install.Mode{}, want(hello, ""))
	if _, err := w.install(install.Mode{}, want(second, "")); !errors.As(err, &changed) {
		t.Errorf("the same folder, and the same user: %v", err)
	}
	sameUser, sameFolder := newWorld(t), newWorld(t)
	sameUser.KeysFile, sameFolder.LockFile = w.KeysFile, w.LockFile
	for name, other := range map[string]*world{"the same user": sameUser, "the same folder": sameFolder} {
		other.published, other.signed = w.published, w.signed
		if _, err := other.install(install.Mode{}, want(second, "")); !errors.As(err, &changed) ||
			!strings.Contains(err.Error(), string(acme.signer.Public)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	elsewhere := newWorld(t)
	elsewhere.published, elsewhere.signed = w.published, w.signed
	elsewhere.must(install.Mode{}, want(second, ""))
}

func TestTrustedKeys(t *testing.T) {
	t.Parallel()
	acme, other := newPublisher(t), newPublisher(t)
	for _, c := range []struct {
		title    string
		mode     install.Trust
		given    map[string]publisher
		unsigned bool
		want     string // part of the error; "": none
	}{
		{"first use", install.TrustFirstUse, nil, false, ""},
		{"nobody signed it", install.TrustFirstUse, nil, true, "nobody has signed it"},
		{"required and not given", install.TrustRequire, nil, false, "no key is trusted for it"},
		{"required and given", install.TrustRequire, map[string]publisher{hello: acme}, false, ""},
		{"required and another given", install.TrustRequire, map[string]publisher{"registry.example.com/*": other},
			false, "not one of those that you trust"},
		{"a closer pattern", install.TrustRequire,
			map[string]publisher{"registry.example.com/*": other, "registry.example.com/acme/*": acme}, false, ""},
		{"another given", install.TrustFirstUse, map[string]publisher{hello: other}, false,
			"not one of those that you trust"},
		{"given for another", install.TrustFirstUse, map[string]publisher{"registry.example.com/acm/*": other}, false,
			""},
		{"none, and nobody signed it", install.TrustNone, nil, true, ""},
		{"none, but given, and nobody signed it", install.TrustNone, map[string]publisher{hello: acme}, true,
			"nobody has signed it"},
		{"none, but another given", install.TrustNone, map[string]publisher{hello: other}, false,
			"not one of those that you trust"},
	} {
		t.Run(c.title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Settings.Trust = c.mode
			for pattern, p := range c.given {
				w.trust(pattern, p.signer.Public)
			}
			w.publish(acme, release{name: hello, version: "1.0.0", unsigned: c.unsigned})
			_, err := w.install(install.Mode{}, want(hello, ""))
			if c.want == "" && err != nil || c.want != "" &&
				(err == nil || !strings.Contains(err.Error(), c.want) || w.lockText() != "") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if p, ok := w.locked().Get(hello); ok && (p.Signer.Key == "") != c.unsigned {
				t.Errorf("signer %+v", p.Signer)
			}
		})
	}
}

// TestUnsignedAfterSigned: who was signed once has to stay so.
func TestUnsignedAfterSigned(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.Settings.Trust = install.TrustNone
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	w.publish(acme, release{name: hello, version: "1.1.0", unsigned: true})
	if _, err := w.install(install.Mode{Upgrade: true}, want(hello, "")); err == nil ||
		!strings.Contains(err.Error(), "nobody has signed it") {
		t.Errorf("%v", err)
	}
}

func TestLooksLike(t *testing.T) {
	t.Parallel()
	acme, other := newPublisher(t), newPublisher(t)
	for name, like := range map[string]string{
		"registry.example.com/acrne/scrapekit-hello": hello, // rn for m
		// the same plugin of another publisher
		"registry.example.com/acm3/scrapekit-hello":    hello,
		"registry.example.com/other/scrapekit-hello":   hello,                            //
		"registry.example.com/other/scrapekit-helo":    hello,                            // a letter less
		"registry.examp1e.com/acme/scrapekit-forum":    hello,                            // 1 for l in the host
		"registry.example.com/amce/scrapekit-forum":    hello,                            // letters that changed places
		"registry.example.com/trustedd/anything":       "registry.example.com/trusted/*", //
		"registry.example.com/other/scrapekit-jiraa":   "jira, which is shipped with scrapekit",
		"registry.example.com/other/scrapekit-jira":    "jira, which is shipped with scrapekit",
		"registry.example.com/acme/scrapekit-hello2":   "", // the publisher is known
		"registry.example.com/trusted/scrapekit-hello": "", // so is this one, and was given
		"registry.example.com/quite/different":         "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(acme, release{name: hello, version: "1.0.0"})
			w.must(install.Mode{}, want(hello, ""))
			w.trust("registry.example.com/trusted/*", other.signer.Public)
			p := other
			if strings.Contains(name, "/acme/scrapekit-hello2") {
				p = acme
			}
			w.publish(p, release{name: name, version: "1.0.0"})
			w.consent = errors.New("no")
			plan, err := w.Resolve(t.Context(), []install.Demand{want(name, "")}, install.Mode{})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(plan.Changes[0].LooksLike, "; ")
			if like == "" && got != "" || like != "" && !strings.Contains(got, like) {
				t.Errorf("it looks like %q, want %q", got, like)
			}
			if err := w.Apply(t.Context(), plan); errors.Is(err, w.consent) != (like != "") {
				t.Errorf("asked: %v", err)
			}
		})
	}
}

// TestLooksLikeAcrossProjects: names are known from the other projects of the user.
func TestLooksLikeAcrossProjects(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	w.publish(acme, release{name: hello, version: "1.0.0"})
	w.must(install.Mode{}, want(hello, ""))
	other := newWorld(t)
	other.Store, other.KeysFile = w.Store, w.KeysFile
	name := strings.Replace(hello, "acme", "acne", 1)
	other.publish(newPublisher(t), release{name: name, version: "1.0.0"})
	if c := other.must(install.Mode{}, want(name, "")); len(c.LooksLike) == 0 || len(other.asked) != 1 {
		t.Errorf("%+v", c.LooksLike)
	}
	if c := other.must(install.Mode{Upgrade: true}, want(name, "")); len(c.LooksLike) != 0 || c.Action != install.Kept {
		t.Errorf("warned of what is installed: %+v", c)
	}
}

// TestFirstUseIsNotWritten when nothing was installed.
func TestFirstUseIsNotWritten(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	s := w.publish(acme, release{name: hello, version: "1.0.0"})
	w.signed[s.Targets[artifact.Here()].Binary.String()] = w.described // it says nothing of itself
	if _, err := w.install(install.Mode{}, want(hello, "")); err == nil {
		t.Fatal("installed")
	}
	if all, err := keys.Read(w.KeysFile); err != nil || len(all.Entries) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	w.know(s, nil)
	w.must(install.Mode{}, want(hello, ""))
	all, err := keys.Read(w.KeysFile)
	if err != nil || len(all.Entries) != 1 ||
		all.Entries[0] != (keys.Entry{Pattern: "registry.example.com/acme/*", Key: acme.signer.Public,
			Since: lock.Day(w.Now()), FirstUse: true}) {
		t.Errorf("%+v, %v", all, err)
	}
}
