package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// sasNames are the parameters of a shared access signature.
var sasNames = []string{"sv", "ss", "srt", "sr", "sp", "st", "se", "sip", "spr", "si", "sdd", "ses", "skoid", "sktid",
	"skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "sig"}

// Azure signs requests to Azure Storage by the key of an account, or adds a shared access
// signature.
type Azure struct {
	Account, Key string // Key is base64
	SAS          string // instead of both: "sv=…&sig=…"
}

func readAzure(r Reader) Value {
	if !r.Has("sas") {
		a := Azure{Account: r.Required("account"), Key: r.Secret("key")}
		if a.Key != "" && a.Check() != nil {
			r.Report("key", Wrong, "copy a whole access key of the storage account", "key is not base64")
		}
		return a
	}
	for _, name := range []string{"account", "key"} {
		if r.Has(name) {
			r.Report(name, Wrong, "leave it out", "%s: sas is enough", name)
		}
	}
	a := Azure{SAS: strings.TrimPrefix(r.Secret("sas"), "?")}
	if a.SAS != "" && a.Check() != nil {
		r.Report("sas", Wrong, `it is the query of a URL with a signature: "sv=…&sp=…&se=…&sig=…"`,
			"sas is no shared access signature")
	}
	return a
}

func (a Azure) Places() []Place {
	if a.SAS == "" {
		return []Place{{InHeader, "Authorization"}, {InHeader, "X-Ms-Date"}}
	}
	var all []Place
	for _, name := range sasNames {
		all = append(all, Place{InQuery, name})
	}
	return all
}

func (a Azure) Put(req *http.Request, body []byte) error {
	if a.SAS != "" {
		u := *req.URL
		for _, name := range sasNames {
			u.RawQuery = WithoutParameter(u.RawQuery, name)
		}
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+a.SAS, "&")
		req.URL = &u
		return nil
	}
	key, err := base64.StdEncoding.DecodeString(a.Key)
	if err != nil {
		return errors.New("azure: the key is not base64")
	}
	req.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	text, err := a.signed(req, len(body))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text)) // never fails
	req.Header.Set("Authorization", "SharedKey "+a.Account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// signed is the text that the key signs:
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
func (a Azure) signed(req *http.Request, size int) (string, error) {
	length := ""
	if size > 0 {
		length = strconv.Itoa(size)
	}
	lines := []string{req.Method}
	for _, name := range []string{"Content-Encoding", "Content-Language", "Content-Length", "Content-MD5",
		"Content-Type",
		"Date", "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"} {
		switch name {
		case "Content-Length":
			lines = append(lines, length)
		case "Date":
			lines = append(lines, "") // X-Ms-Date says it
		default:
			lines = append(lines, req.Header.Get(name))
		}
	}
	var own []string
	for name, values := range req.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-ms-") {
			own = append(own, name+":"+strings.Join(values, ","))
		}
	}
	slices.Sort(own)
	lines = append(lines, own...)
	lines = append(lines, "/"+a.Account+req.URL.EscapedPath())
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return "", fmt.Errorf("azure: %w", err)
	}
	var parameters []string
	for name, values := range query {
		slices.Sort(values)
		parameters = append(parameters, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(parameters)
	return strings.Join(append(lines, parameters...), "\n"), nil
}

func (a Azure) Check() error {
	if strings.HasPrefix(a.SAS, "⟦") || strings.HasPrefix(a.Key, "⟦") { // a secret that is not obtained yet
		return nil
	}
	if a.SAS != "" {
		if query, err := url.ParseQuery(a.SAS); err != nil || !query.Has("sig") {
			return errors.New("azure: sas is no shared access signature")
		}
		return checkTexts(a.SAS)
	}
	if key, err := base64.StdEncoding.DecodeString(a.Key); err != nil || len(key) == 0 || a.Account == "" {
		return errors.New("azure needs account and key, or sas")
	}
	return checkTexts(a.Account)
}

// Expires implements [Expiring].
func (a Azure) Expires() time.Time {
	query, err := url.ParseQuery(a.SAS)
	if err != nil {
		return time.Time{}
	}
	until, _ := time.Parse(time.RFC3339, query.Get("se")) // of another form: not known
	return until
}

func (a Azure) Hide(set *redact.Set) {
	set.Add(a.Key)
	set.Add(a.SAS)
	if query, err := url.ParseQuery(a.SAS); err == nil {
		set.Add(query.Get("sig"))
	}
}

// Sent is the signature of a SAS. Requests that a key signs hold no secret.
func (a Azure) Sent() string {
	query, err := url.ParseQuery(a.SAS)
	if err != nil {
		return ""
	}
	return query.Get("sig")
}

func (a Azure) Map(f func(string) string) Value {
	a.Key, a.SAS = f(a.Key), f(a.SAS)
	return a
}
