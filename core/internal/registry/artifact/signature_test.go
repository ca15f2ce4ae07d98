package artifact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// Made by minisign 0.11, for this test alone.
const (
	minisignPublic = "untrusted comment: minisign public key B1DBAF92CC08FB80\n" + minisignKey + "\n"
	minisignKey    = "RWSA+wjMkq/bsQwDmJ9DQspdHdp98C7Vgf/q7H4kdsF49SUzVv4YRMMn"
	minisignSecret = "untrusted comment: minisign encrypted secret key\n" +
		"RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgPsIzJKv27FszfLZdgQG1piK36LB" +
		"9lkctvdRHLtzibKcVvK9LjY36QwDmJ9DQspdHdp9" +
		"8C7Vgf/q7H4kdsF49SUzVv4YRMMnAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	minisignSignature = "untrusted comment: signature from minisign secret key\n" +
		"RUSA+wjMkq/bsWWe7Aa+RpTKWMWd9VIblP9Vd5J8Vx/Ac+Sv0F741RJLIbXrPjX+FYzHutjSGBEvijg0fm1Pf2GucDgGRFxbQAY=\n" +
		"trusted comment: made by minisign\n" +
		"67BbJxFtiPtEYnpa0CC8MK6gtc2PifHX2T9sKS+LKRtwwwkLxoEkXzz1oFiVwn/xUMH0fujBFHPy3HuQc1vVAw==\n"
	minisignMessage = "hello\n"
)

// TestMinisign takes keys and signatures of the tool of that name.
func TestMinisign(t *testing.T) {
	t.Parallel()
	for _, text := range []string{minisignPublic, minisignKey, "  " + minisignKey + "\n"} {
		key, err := artifact.ParseKey(text)
		if err != nil || key != minisignKey || key.ID() != "B1DBAF92CC08FB80" {
			t.Fatalf("%q: %s %s (%v)", text, key, key.ID(), err)
		}
	}
	if err := artifact.Key(minisignKey).Verify([]byte(minisignMessage), []byte(minisignSignature)); err != nil {
		t.Error(err)
	}
	signer, err := artifact.OpenSigner([]byte(minisignSecret), "")
	if err != nil || signer.Public != minisignKey || artifact.IsEncrypted([]byte(minisignSecret)) {
		t.Fatalf("%v (%v)", signer, err)
	}
	if err := signer.Public.Verify([]byte("x"), signer.Sign([]byte("x"), "by us")); err != nil {
		t.Error(err)
	}
	for title, bad := range map[string]string{
		"another message's":  string(signer.Sign([]byte("y"), "")),
		"another comment":    strings.Replace(minisignSignature, "made by", "made for", 1),
		"a bit of another":   strings.Replace(minisignSignature, "WWe7", "WWe6", 1),
		"another key's id":   strings.Replace(minisignSignature, "RUSA+wj", "RUSA+wk", 1),
		"cut off":            minisignSignature[:len(minisignSignature)/2],
		"empty":              "",
		"garbage":            "RW\x00\xff\n\n\n\n",
		"far too long":       minisignSignature + strings.Repeat("x", 1<<20),
		"the signature only": strings.Split(minisignSignature, "\n")[1],
	} {
		if err := artifact.Key(minisignKey).Verify([]byte(minisignMessage), []byte(bad)); !errors.Is(err,
			artifact.ErrSignature) {
			t.Errorf("%s: %v", title, err)
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", minisignKey[:40], minisignSignature, strings.Repeat("R", 2000),
		strings.Replace(minisignKey, "RWS", "RWR", 1) + "=", minisignSecret} {
		if key, err := artifact.ParseKey(text); err == nil {
			t.Errorf("%.80q is the key %s", text, key)
		}
	}
	for _, text := range []string{"", "x", minisignPublic, minisignSecret[:100]} {
		if s, err := artifact.OpenSigner([]byte(text), "password"); err == nil {
			t.Errorf("%.80q signs as %s", text, s.Public)
		}
	}
}
