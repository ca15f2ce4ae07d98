package rest

import (
	"encoding/json"
	"testing"
)

func TestWholeOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"3": 3, "-3": -3, "3.0": 3, "3.000": 3, "3e0": 3, "3.0e1": 30, "1.5e1": 15, "0": 0, "-0.0": 0,
		"9007199254740993": 9007199254740993, "9007199254740993.0": 9007199254740993,
		"9223372036854775807": 9223372036854775807,
	} {
		var w Whole
		if n, ok := WholeOf(text); !ok || n != want || json.Unmarshal([]byte(text), &w) != nil || int64(w) != want {
			t.Errorf("%s: %d %t %d, want %d", text, n, ok, w, want)
		}
	}
	for _, text := range []string{"", "3.5", "3.0.0", "1e400", "1e17", "0x10", "Inf", "NaN", `"3"`, "true",
		"9223372036854775808"} {
		if n, ok := WholeOf(text); ok {
			t.Errorf("%q: %d, want none", text, n)
		}
	}
	if TextOf([]byte("10001.0")) != "10001" || TextOf([]byte("2.50")) != "2.50" {
		t.Error("numbers as texts")
	}
}
