package credential

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAzureSigns: the text that is signed is that of the examples of "Authorize with Shared Key" in
// the reference of the REST API. Azurite verifies whole signatures, see TestAzureServer.
func TestAzureSigns(t *testing.T) {
	t.Parallel()
	a := Azure{Account: "myaccount", Key: "a2V5"}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut,
		"https://myaccount.blob.core.windows.net/mycontainer/hello%20world?timeout=20&comp=block&restype=b&restype=a",
		nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Ms-Version": {"2015-02-21"}, "X-Ms-Date": {"Fri, 26 Jun 2015 23:39:12 GMT"},
		"X-Ms-Meta-B": {"two"}, "Content-Type": {"text/plain; charset=UTF-8"}, "If-None-Match": {"*"},
		"Accept-Encoding": {"gzip"}}
	want := "PUT\n\n\n11\n\ntext/plain; charset=UTF-8\n\n\n\n*\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n" +
		"x-ms-meta-b:two\nx-ms-version:2015-02-21\n/myaccount/mycontainer/hello%20world\ncomp:block\nrestype:a,b\n" +
		"timeout:20"
	if got, err := a.signed(req, 11); err != nil || got != want {
		t.Errorf("%v\n%q, want\n%q", err, got, want)
	}
	if got, err := a.signed(req, 0); err != nil || got != strings.Replace(want, "\n11\n", "\n\n", 1) {
		t.Errorf("without a body: %v %q", err, got)
	}
	synctest.Test(t, func(t *testing.T) {
		if err := a.Put(req, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if at := req.Header.Get("X-Ms-Date"); at != time.Now().UTC().Format(http.TimeFormat) ||
			!strings.HasPrefix(req.Header.Get("Authorization"), "SharedKey myaccount:") {
			t.Errorf("%v", req.Header)
		}
	})
}

// TestAzureSAS: a signature replaces what the plugin wrote in its place, and is not for long.
func TestAzureSAS(t *testing.T) {
	t.Parallel()
	a := Azure{SAS: "sv=2021-12-02&sp=rw&se=2026-12-24T12%3A00%3A00Z&sig=a%2Bb%3D"}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://a.example/c?comp=list&sig=mine&sp=x",
		nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Put(req, nil); err != nil || req.URL.RawQuery != "comp=list&"+a.SAS {
		t.Errorf("%v %s", err, req.URL)
	}
	if until := a.Expires(); !until.Equal(time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("expires %s", until)
	}
	if a.Sent() != "a+b=" {
		t.Errorf("sends %q", a.Sent())
	}
	for _, wrong := range []Azure{{}, {Account: "a"}, {Key: "a2V5"}, {Account: "a", Key: "no base64!"}, {SAS: "sv=1"}} {
		if wrong.Check() == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}
