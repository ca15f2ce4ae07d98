package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestEveryForm(t *testing.T) {
	t.Parallel()
	const secret = "p/w+d \"ü\n&=?"
	var s Set
	s.Add(secret)
	s.AddBasic("me", "other secret")
	inJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ToLower(url.QueryEscape(secret)),
		string(inJSON[1 : len(inJSON)-1]),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"other secret", base64.StdEncoding.EncodeToString([]byte("me:other secret")),
	} {
		if got := s.String("before " + form + " after"); got != "before "+mask+" after" {
			t.Errorf("%q became %q", form, got)
		}
	}
}

// TestMixedEscapes: which characters are escaped, and how, is up to whoever writes the text.
func TestMixedEscapes(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("pa ss\nw&rd/ü😀")
	s.AddBasic("me", "Sup3r/+=")
	for _, form := range []string{
		"pa%20ss%0aw%26rd%2F%c3%BC%f0%9F%98%80", "pa+ss%0aw&rd/ü😀", "pa%20ss%0Aw&rd%2fü%F0%9f%98%80",
		"%70a ss%0Aw&rd/ü😀",
		`pa ss\nw&rd/ü😀`, `pa ss\nw\u0026rd\/\u00FC\ud83d\uDE00`, `pa ss\\nw&rd/ü😀`, `pa%20ss%0aw\u0026rd/ü😀`,
		`pa+ss%250Aw%2526rd%252Fü😀`,
		"Sup3r%2F%2b%3D", "Sup3r/%2B=", `Sup3r\/+=`,
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("me:Sup3r/+=")), "=") + "%3d%3D",
	} {
		if got := s.String("before " + form + " after%0A"); !strings.HasPrefix(got, "before "+mask) ||
			!strings.HasSuffix(got, " after%0A") || len(got) > len("before  after%0A")+len(mask)+6 {
			t.Errorf("%q became %q", form, got)
		}
	}
	for _, text := range []string{"100 % of a+b", `C:\new\u00`, "%zz%", `\`, "a%20b+c"} {
		if got := s.String(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Secrets that look like an escape themselves, in each way of writing a text and in two at once.
func TestSecretsThatLookLikeEscapes(t *testing.T) {
	t.Parallel()
	inJSON := func(s string) string {
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	asIs := func(s string) string { return s }
	hclog := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
	quote := func(s string) string { return fmt.Sprintf("%q", s) }
	ascii := func(s string) string { return fmt.Sprintf("%+q", s) }
	hexed := func(s string) string { return hex.EncodeToString([]byte(s)) }
	shifted := func(n int) func(string) string {
		return func(s string) string {
			return base64.StdEncoding.EncodeToString([]byte("user:"[:n] + s + " and more"))
		}
	}
	spell := map[string]func(string) string{
		"plain": asIs, "JSON": inJSON, "%q": quote, "%+q": ascii, "hclog": hclog, "query": url.QueryEscape,
		"path":  url.PathEscape,
		"upper": strings.ToUpper, "lower": strings.ToLower, "HTML": html.EscapeString, "hex": hexed,
		"HEX":         func(s string) string { return strings.ToUpper(hexed(s)) },
		"base64 at 0": shifted(0), "base64 at 1": shifted(1), "base64 at 2": shifted(2), "base64 at 3": shifted(3),
	}
	outer := map[string]func(string) string{"": asIs, "JSON": inJSON, "%q": quote}
	for _, secret := range []string{
		`CAN%41RY"tail`, `CAN"ARY\tail`, `CAN\u0041RY"tail`, "CAN\tARY\x01tail", `CANARY<&>'"tail`, "CANARY😀tail",
		`CAN%2541+RY tail`, `C:\new\x41%zz"`,
	} {
		var s Set
		s.Add(secret)
		for inner, f := range spell {
			for around, g := range outer {
				got := s.String("before " + g(f(secret)) + " after")
				if !strings.Contains(got, mask) || strings.Contains(got, secret[3:9]) ||
					!strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
					t.Errorf("%q by %s in %s: %q", secret, inner, around, got)
				}
				f := s.Finder()
				f.Add([]byte(g(spell[inner](secret))))
				if f.End(); !f.Found() {
					t.Errorf("%q by %s in %s is not found", secret, inner, around)
				}
			}
		}
	}
}

// TestAlmostSecrets: what cannot be seen is in the text or the secret, or the text was cut within
// the secret.
func TestAlmostSecrets(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("sesame/open \"me\" 4711")
	s.Add("can\u200bary\x07-\x1b[31msecret")
	s.AddBasic("me", "over the hills and far away")
	basic := base64.StdEncoding.EncodeToString([]byte("me:over the hills and far away"))
	for _, text := range []string{
		"sesame/o\u200bpen \"me\" 4711", "ses\x00ame/open \"me\" 4711", "sesame/open·\u00a0 \"me\" 4711",
		`sesa\u200bme\/open \"me\" 4711`,
		"canary-secret", "can·ary·-·[31msecret", "ca\u200dnary-secret", "sesame\x1b[0m/open \"me\" 4711",
		"sesame·[0m/open \"me\" 4711",
		"sesame/open…", "sesa…", `sesame/open \"m…`, "SESAME/O…", "sesame%2Fop…", "sesame%2fop %e2…", `sesame\/open \…`,
		"sesame/open \ufffd …",
		basic[:17] + "…", hex.EncodeToString([]byte("sesame"))[:11] + "…", "ses\u200bame/…",
	} {
		got := s.String("before " + text + " after")
		if !strings.HasPrefix(got, "before "+mask) || !strings.HasSuffix(got, " after") ||
			len(got) > len("before  after…")+2*len(mask) {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{"open sesame", "ses…", "sesame is good…", "a … b", "zero\u200bwidth", "sesame/",
		"read·only"} {
		if got := s.String(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	f := s.Finder()
	f.Add([]byte("sesame/o\u200bpen \"me\" 4711"))
	if f.End(); !f.Found() {
		t.Error("it is not found")
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("secret")
	s.Add("secret-and-more")
	if got := s.String("secret-and-more, secret"); got != mask+", "+mask {
		t.Errorf("%q", got)
	}
}

func TestShortIsLeft(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("abc")
	s.Add("")
	if got := s.String("abc"); got != "abc" {
		t.Errorf("%q", got)
	}
}

func TestLinesOfAKey(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n")
	if got := s.String("read MIIEvQIBADANBgkqhkiG here"); got != "read "+mask+" here" {
		t.Errorf("%q", got)
	}
}

func TestErrorKeepsItsKind(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("hunter2")
	err := s.Error(fmt.Errorf("open hunter2: %w", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}))
	var path *fs.PathError
	if strings.Contains(err.Error(), "hunter2") || !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) {
		t.Errorf("%v", err)
	}
	var plain any = errors.New("nothing to hide")
	if same := any(s.Error(plain.(error))); same != plain || s.Error(nil) != nil {
		t.Error("changed what needs no change")
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("hunter2")
	for in, want := range map[string]string{
		"https://h/p?a=1&token=abc&b=2": "https://h/p?a=1&token=[redacted]&b=2",
		"https://h/?access_token=a&apiKey=b&X-Sig=c": "https://h/?access_token=[redacted]" +
			"&apiKey=[redacted]&X-Sig=[redacted]",
		"https://h/?client%5Fsecret=a":              "https://h/?client%5Fsecret=[redacted]",
		"https://h/?issueKey=K-1&projectKey=K":      "https://h/?issueKey=K-1&projectKey=K",
		"https://h/?author=me&monkey=1&assign=2":    "https://h/?author=me&monkey=1&assign=2",
		"https://h/hunter2?q=hunter2":               "https://h/[redacted]?q=[redacted]",
		"https://user:pass@h/":                      "https://h/",
		"https://h/cb#id_token=abc":                 "https://h/cb#id_token=[redacted]",
		"https://h/?X-Amz-Signature=a&X-Amz-Date=b": "https://h/?X-Amz-Signature=[redacted]&X-Amz-Date=b",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.URL(u); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	if got := (*Set)(nil).URL(nil); got != "" {
		t.Errorf("%q", got)
	}
}

// TestText masks parameters of URLs within messages, as net/http writes them.
func TestText(t *testing.T) {
	t.Parallel()
	var s Set
	if got := s.String(`Get "https://h/?token=abc": EOF`); got != `Get "https://h/?token=[redacted]": EOF` {
		t.Errorf("%s", got)
	}
}

func TestWriter(t *testing.T) {
	t.Parallel()
	var s Set
	s.Add("hunter2")
	var b bytes.Buffer
	n, err := s.Writer(&b).Write([]byte("it is hunter2\n"))
	if err != nil || n != len("it is hunter2\n") || b.String() != "it is "+mask+"\n" {
		t.Errorf("%d %v %q", n, err, b.String())
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	var s Set
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				secret := fmt.Sprintf("secret-%d-%d", i, j)
				s.Add(secret)
				if got := s.String(secret); got != mask {
					t.Errorf("%q", got)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzString(f *testing.F) {
	f.Add("hunter2", "a hunter2 b", "https://h/?token=hunter2")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < shortest || strings.Contains(mask, secret) {
			return
		}
		var s Set
		s.Add(secret)
		got := s.secrets(before + secret + after)
		if rest := strings.ReplaceAll(got, mask, "\x00"); strings.Contains(rest, secret) {
			t.Errorf("%q in %q", secret, got)
		}
		query := url.QueryEscape(secret)
		if got := s.secrets(query); strings.Contains(strings.ReplaceAll(got, mask, "\x00"), query) {
			t.Errorf("%q in %q", query, got)
		}
	})
}
