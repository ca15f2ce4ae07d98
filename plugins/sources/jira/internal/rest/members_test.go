// Members of objects as Jira writes them, and as it should not.

package rest

import "testing"

func TestMembers(t *testing.T) {
	t.Parallel()
	m := Open([]byte(" {\"id\": 7, \"name\" :\"a\\u00e9\\\"\", \"gone\":null, \"in\":{\"list\":[1, {\"x\":2}]}, " +
		"\"id\":8, \"at\":1492070429, \"when\":\"2025-08-16T14:52:11.000+0200\"}\n"))
	for name, want := range map[string]string{"id": "8", "name": "aé\"", "gone": "", "missing": "", "in": ""} {
		if got := m.Text(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if list := Elements(m.In("in").Raw("list")); len(list) != 2 || string(list[1]) != `{"x":2}` {
		t.Errorf("list: %q", list)
	}
	if !m.Has("gone") || m.Has("missing") || m.Raw("gone") != nil {
		t.Error("a null member is there and has no value")
	}
	if at, when := m.Time("at"), m.Time("when"); at != 1492070429000 || when != 1755348731000 {
		t.Errorf("times %d and %d", at, when)
	}
	for _, odd := range []string{"", "null", "7", `{"a":`, `[1,`, `{"a":1]`} {
		if Open([]byte(odd)) != nil || Elements([]byte(odd)) != nil {
			t.Errorf("%q has parts", odd)
		}
	}
}
