package objects

import (
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// TestWrongForms: a mistake in the settings says what to write.
func TestWrongForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path string
		set  Settings
		want string
	}{
		{"ftp://bucket/key", Settings{}, `there is no ftp://; write a path on disk, s3://bucket/key`},
		{"s3:///key", Settings{}, "it names no bucket: write s3://bucket/key"},
		{"gs://{stream}/key", Settings{}, "it names no bucket: write gs://bucket/key"},
		{"gs://b/key", Settings{}, `set endpoint, such as endpoint = "https://storage.googleapis.com"`},
		{"gs://b/key", Settings{Endpoint: "storage.googleapis.com"}, "it is scheme, host and port"},
		{"az:///key", Settings{}, "it names no bucket: write az://container/key"},
		{"az://c/key", Settings{Endpoint: "https://a.blob.core.windows.net", Encryption: "x"}, "an encryption scope"},
		{"s3://b/key", Settings{Endpoint: "https://example.com?x=1"}, "it is scheme, host and port"},
		{"gs://b/key", Settings{Endpoint: "https://example.com", Encryption: "AES256"}, "set encryption_key"},
	} {
		_, err := New(test.path, test.set)
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.path, err, test.want)
		}
	}
}
