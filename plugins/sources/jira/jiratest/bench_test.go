// Benchmarks: generating and paging must stay cheap, for demo and tests alike.

package jiratest

import (
	"net/http/httptest"
	"testing"
)

func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Options{Seed: 1}).Generate(Synthetic{Projects: []Project{{Key: "ALPHA", Issues: 3000}}})
	}
}

func BenchmarkSearchPage(b *testing.B) {
	s := New(Options{Seed: 1})
	s.Generate(Synthetic{Projects: []Project{{Key: "ALPHA", Issues: 5000}}})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/rest/api/2/search?jql=project+%3D+ALPHA+ORDER+BY+created&maxResults=100&startAt=2000&fields=*all&expand=changelog", nil))
		if w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
