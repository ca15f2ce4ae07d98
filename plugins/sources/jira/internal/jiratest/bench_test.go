// Benchmarks: generating and paging must stay cheap, for demo and tests alike.

package jiratest

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

func BenchmarkGenerate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(Options{Seed: 1}).Generate(Synthetic{Projects: []Project{{Key: "ALPHA", Issues: 3000}}})
	}
}

// BenchmarkSearchPage asks for a page of 100 issues in full: warm as often as
// it is asked for, cold as after a change.
func BenchmarkSearchPage(b *testing.B) {
	for _, cold := range []bool{false, true} {
		b.Run(fmt.Sprintf("cold=%t", cold), func(b *testing.B) {
			s := New(Options{Seed: 1})
			s.Generate(Synthetic{Projects: []Project{{Key: "ALPHA", Issues: 5000}}})
			b.ReportAllocs()
			for b.Loop() {
				if cold {
					s.store.mu.changes.Add(1)
				}
				w := httptest.NewRecorder()
				s.ServeHTTP(w, httptest.NewRequest("GET",
					"/rest/api/2/search?jql=project+%3D+ALPHA+ORDER+BY+created,key"+
						"&maxResults=100&startAt=2000&fields=*all&expand=changelog", nil))
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
