// Foreign input: any line at all.

package llm

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

func FuzzTransform(f *testing.F) {
	for _, is := range []m{newIssue(nil, nil),
		newIssue(m{"description": m{"type": "doc", "content": []any{1, m{"type": 2}}}},
			history(m{"field": "Component"}))} {
		f.Add(normalised(f, is))
	}
	f.Add([]byte(`{"key":"A-1","summary":"\ud83d","reporter":"@"}`))
	v := opened(f, `{"min_chars":0,"max_chars":200,"truncate_lines":2,"targets":["type","priority","component","resolution"]}`)
	f.Fuzz(func(t *testing.T, line []byte) {
		if strings.ContainsAny(string(line), "\n") || len(line) == 0 {
			t.Skip("not one line")
		}
		b := sdk.Batch{Stream: "issues", Count: 1, Payload: append(line[:len(line):len(line)], '\n')}
		out, err := v.Transform(context.Background(), b)
		var rejects sdk.Rejects
		if err != nil && !errors.As(err, &rejects) {
			t.Fatal(err)
		}
		if rejects != nil && len(out) > 0 {
			t.Errorf("a rejected issue gave records")
		}
		for _, b := range out {
			for line := range b.Records() {
				if !json.Valid(line) {
					t.Errorf("invalid output %q", line)
				}
			}
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("Ann Lee met ann, @ann and 王小明 at a@b.org", "Ann Lee", "ann")
	f.Fuzz(func(t *testing.T, s, display, name string) {
		p := person{login: clean(name), display: clean(display)}
		replaceEmails(newMatcher([]person{p}, []string{"user_1"}).replace(s))
	})
}
