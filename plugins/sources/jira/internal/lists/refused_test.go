// What a run does without, and what it must not take for gone.

package lists

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestAStreamThatIsRefusedIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404, 410} {
		h, l, keys := priorities(t, 25)
		h.run("priorities")
		l.status = status
		got := h.run("priorities")
		want(t, "records", got.records, nil)
		want(t, "deleted", got.deleted, nil)
		lost := map[int]int64{401: 1, 403: 1}[status] // what is not there is not missing
		if h.counters["streams left out/priorities"] != 1 || h.missing("priorities") != lost {
			t.Errorf("%d: counters %v", status, h.counters)
		}
		// It is there again: what was known still is, and what went meanwhile is deleted.
		l.status, l.values = 0, l.values[1:]
		got = h.run("priorities")
		want(t, "records", got.records, nil)
		want(t, "deleted", got.deleted, []string{`{"id":"` + keys[0] + `"}`})
	}
}

// One list that stays bad costs itself: it is tried once more, then the others are read without it,
// and what it held stays.
func TestOneBoardThatIsAlwaysBad(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(l *list){
		"500":            func(l *list) { l.status = 500 },
		"502":            func(l *list) { l.status = 502 },
		"an error, 200":  func(l *list) { l.instead = `{"errorMessages":["The index is being rebuilt"],"errors":{}}` },
		"an object, 200": func(l *list) { l.instead = `{}` },
		"null, 200":      func(l *list) { l.instead = `null` },
		"a list, 200":    func(l *list) { l.instead = `[]` },
		"half, 200":      func(l *list) { l.instead = `{"values":[{"id":20` },
		"a page, 200":    func(l *list) { l.instead = `<html>` },
	} {
		h, lists := boards(t)
		h.run("sprints")
		bad := lists[agile+"/board/2/sprint"]
		good := *bad
		spoil(bad)
		lists[agile+"/board/3/sprint"].values[0] = `{"id":30,"name":"renamed"}`
		if _, err := h.read(h.plan("sprints"), nil); err == nil || sdk.IsPermanent(err) {
			t.Errorf("%s: %v, want another try", name, err)
		}
		got := h.run("sprints")
		want(t, name+": records", ids(t, got.records, "id"), []string{"30"})
		want(t, name+": deleted", got.deleted, nil)
		if h.missing("sprints of boards 2") != 1 {
			t.Errorf("%s: %v", name, h.counters)
		}
		*bad = good
		bad.values = bad.values[1:]
		want(t, name+": deleted, when it is back", h.run("sprints").deleted, []string{`{"id":"20"}`})
	}
}

// Who selects every stream asks for what there is for this account: what it is refused is not
// missing, what fails is.
func TestRefusedWhereEveryStreamIsSelected(t *testing.T) {
	t.Parallel()
	for status, lost := range map[int]int64{401: 0, 403: 0, 404: 0, 500: 1} {
		h, l, _ := priorities(t, 25)
		l.status = status
		p := h.plan("priorities")
		p.Every = true
		for range 2 {
			_, _ = h.read(p, nil) // a 500 is tried once more
		}
		if n := h.missing("priorities"); n != lost {
			t.Errorf("%d: %v", status, h.counters)
		}
	}
}

// A server that has trouble with everything has no bad list.
func TestAServerInTroubleLeavesNothingOut(t *testing.T) {
	t.Parallel()
	h, lists := boards(t)
	lists[agile+"/board/2/sprint"].status, h.fake.down = 503, true
	for range 4 {
		if _, err := h.read(h.plan("sprints"), nil); rest.Status(err) != 503 {
			t.Errorf("%v, want the 503", err)
		}
	}
}

// A record that is one reply is told from an error that is one.
func TestAnErrorIsNoRecord(t *testing.T) {
	t.Parallel()
	for _, instead := range []string{`{"errorMessages":["down"],"errors":{}}`, `{}`, `null`, `[]`, `"x"`} {
		for _, values := range []string{one, members} {
			if p, err := decodePage([]byte(instead), values); err == nil {
				t.Errorf("%s: %v, want an error", instead, p.elements)
			}
		}
	}
}

func TestABadRequestIsAnError(t *testing.T) {
	t.Parallel()
	h, l, _ := priorities(t, 25)
	l.status = 400
	if _, err := h.read(h.plan("priorities"), nil); err == nil || !sdk.IsPermanent(err) {
		t.Errorf("%v, want a permanent error", err)
	}
}

// What is refused in the middle of a list that was given at first is no matter of permissions.
func TestARefusalInTheMiddleIsAnError(t *testing.T) {
	t.Parallel()
	h, l, _ := priorities(t, 25)
	h.fake.before = once(10, func() { l.status = 401 })
	if _, err := h.read(h.plan("priorities"), nil); rest.Status(err) != 401 {
		t.Errorf("%v, want the 401", err)
	}
}

// boards is a world of three boards with two sprints each.
func boards(t *testing.T) (*host, map[string]*list) {
	f := newFake()
	values, _ := objects(3)
	f.lists[agile+"/board"] = &list{values: values, member: "values", pages: byStart}
	for n, board := range []string{"1", "2", "3"} {
		sprints := []string{`{"id":` + board + `0,"name":"first"}`, `{"id":` + board + `1,"name":"second"}`}
		if n == 1 {
			sprints = append(sprints, `{"id":10,"name":"first"}`) // of the first board, shown on the second
		}
		f.lists[agile+"/board/"+board+"/sprint"] = &list{values: sprints, member: "values", pages: byStart}
	}
	return newHost(t, f, rest.DataCenter), f.lists
}

func TestSprintsOfManyBoards(t *testing.T) {
	t.Parallel()
	h, lists := boards(t)
	want(t, "sprints", ids(t, h.run("sprints").records, "id"), []string{"10", "11", "20", "21", "30", "31"})
	// A board that cannot have sprints says so by 400, in its own language: there are none.
	lists[agile+"/board/3/sprint"].status = 400
	want(t, "deleted", h.run("sprints").deleted, []string{`{"id":"30"}`, `{"id":"31"}`})
	// One that is refused costs its own list, and hides what it has.
	lists[agile+"/board/1/sprint"].status = 403
	lists[agile+"/board/2/sprint"].values[1] = `{"id":21,"name":"renamed"}`
	got := h.run("sprints")
	want(t, "records", ids(t, got.records, "id"), []string{"21"})
	want(t, "deleted", got.deleted, nil)
	if h.counters["sprints/lists refused"] != 1 {
		t.Errorf("counters %v", h.counters)
	}
	lists[agile+"/board/1/sprint"].status = 0
	got = h.run("sprints")
	if len(got.records)+len(got.deleted) != 0 {
		t.Errorf("after the refusal: %v %v, want nothing", got.records, got.deleted)
	}
}

// Where the permission is one for all lists, a refusal spares the other requests.
func TestWhoIsRefusedOneListIsRefusedAll(t *testing.T) {
	t.Parallel()
	f := newFake()
	var fields []string
	for i := range 100 {
		fields = append(fields, fmt.Sprintf(`{"id":"customfield_%d","schema":{"custom":"x:select"}}`, i))
		f.lists[fmt.Sprintf("/rest/api/3/field/customfield_%d/context", i)] = &list{status: 403}
	}
	f.lists["/rest/api/3/field"] = &list{values: fields}
	h := newHost(t, f, rest.Cloud)
	for _, stream := range []string{"field_contexts", "field_options"} {
		f.requests = nil
		h.run(stream)
		if h.counters["streams left out/"+stream] != 1 || len(f.requests) > 1+width {
			t.Errorf("%s: %v, %d requests", stream, h.counters, len(f.requests))
		}
	}
}

// Where the keys tell whose records they are, only those of the parent that is refused stay.
func TestOneBoardThatIsAlwaysRefused(t *testing.T) {
	t.Parallel()
	h, lists := boards(t)
	for board, issues := range map[string]string{"1": `{"id":"7","key":"A-7"},{"id":"8","key":"A-8"}`,
		"2": `{"id":"7","key":"A-7"}`, "3": `{"id":"9","key":"A-9"}`} {
		lists[agile+"/board/"+board+"/issue"] = &list{values: strings.SplitAfter(strings.ReplaceAll(issues, "},",
			"}\n"), "\n"), member: "issues", pages: byStart}
	}
	h.run("board_issues")
	lists[agile+"/board/1/issue"].values = lists[agile+"/board/1/issue"].values[1:]
	lists[agile+"/board/2/issue"].status = 400
	lists[agile+"/board/3/issue"].status = 403
	want(t, "deleted", h.run("board_issues").deleted, []string{`{"board_id":"1","id":"7"}`})
	lists[agile+"/board/2/issue"].status = 0
	got := h.run("board_issues")
	if len(got.records)+len(got.deleted) > 0 {
		t.Errorf("after a refusal: %v %v, want nothing", got.records, got.deleted)
	}
	// A board that is gone takes its issues with it.
	lists[agile+"/board"].values = lists[agile+"/board"].values[:2]
	want(t, "deleted", h.run("board_issues").deleted, []string{`{"board_id":"3","id":"9"}`})
}

func TestAListThatIsSuddenlyEmpty(t *testing.T) {
	t.Parallel()
	h, l, _ := priorities(t, 25)
	h.run("priorities")
	all := l.values
	l.values = nil
	want(t, "deleted", h.run("priorities").deleted, nil)
	l.values = all[:5]
	got := h.run("priorities")
	if len(got.records) != 0 || len(got.deleted) != 20 {
		t.Errorf("%d records, %d deleted, want 0 and 20", len(got.records), len(got.deleted))
	}
	l.values = nil // of so few it is believed
	if got := h.run("priorities"); len(got.deleted) != 5 {
		t.Errorf("%d deleted, want 5", len(got.deleted))
	}
}

// Data Center 10 shows a hundred users, whatever is asked for, and the group picker as many groups
// as it likes: the others are not gone.
func TestMembersThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.lists["/rest/api/2/groups/picker"] = &list{values: []string{`"total":3,"groups":[{"name":"a"},{"name":"b"},{"name":"c"}]`}, member: members}
	for _, group := range []string{"a", "b", "c"} {
		f.lists["/rest/api/2/group/member?groupname="+group] = &list{values: []string{`{"key":"u"}`}, member: "values",
			pages: byStart}
	}
	h := newHost(t, f, rest.DataCenter)
	want(t, "groups", ids(t, h.run("group_members").records, "group_id"), []string{"a", "b", "c"})
	f.lists["/rest/api/2/group/member?groupname=a"].status = 404
	f.lists["/rest/api/2/group/member?groupname=b"].status = 403
	for range 2 {
		want(t, "deleted", h.run("group_members").deleted, nil)
	}
	f.lists["/rest/api/2/group/member?groupname=b"] = &list{member: "values", pages: byStart}
	want(t, "deleted", h.run("group_members").deleted, []string{`{"group_id":"b","id":"u"}`})
}

func TestListsThatAreCut(t *testing.T) {
	t.Parallel()
	users, _ := objects(150)
	for i := range users {
		users[i] = strings.Replace(users[i], `"id"`, `"key"`, 1)
	}
	f := newFake()
	f.lists["/rest/api/2/user/search"] = &list{values: users, pages: byStart}
	f.lists["/rest/api/2/groups/picker"] = &list{values: []string{`"total":2,"groups":[{"name":"a"},{"name":"b"}]`},
		member: members}
	h := newHost(t, f, rest.DataCenter)
	if n := len(h.run("users").records) + len(h.run("groups").records); n != 152 {
		t.Fatalf("%d users and groups, want 152", n)
	}
	f.lists["/rest/api/2/user/search"].values = users[:100]
	f.lists["/rest/api/2/groups/picker"].values = []string{`"total":2,"groups":[{"name":"a"}]`}
	for _, stream := range []string{"users", "groups"} {
		want(t, stream+" deleted", h.run(stream).deleted, nil)
	}
	f.lists["/rest/api/2/groups/picker"].values = []string{`"total":1,"groups":[{"name":"a"}]`}
	want(t, "groups deleted", h.run("groups").deleted, []string{`{"id":"b"}`})
}

func TestWhatIsNewAndWhatIsGone(t *testing.T) {
	t.Parallel()
	h, l, _ := priorities(t, 25)
	h.run("priorities")
	l.values[3] = `{"name":"n4","id":"4"}` // only in another order
	l.values[4] = `{"id":"5","name":"renamed"}`
	l.values = append(l.values[1:], `{"id":"26","name":"added"}`)
	got := h.run("priorities")
	want(t, "records", ids(t, got.records, "id"), []string{"5", "26"})
	want(t, "deleted", got.deleted, []string{`{"id":"1"}`})
	if h.counters["priorities/unchanged"] != 23 || h.counters["priorities/deleted"] != 1 {
		t.Errorf("counters %v", h.counters)
	}
}

// The projects of the settings are another list: what an earlier run saw elsewhere is not gone.
func TestNamedProjects(t *testing.T) {
	t.Parallel()
	g := grow(rest.DataCenter)
	f := &fake{lists: g.lists}
	h := newHost(t, f, rest.DataCenter)
	if n := len(h.run("project_versions").records); n != 25 {
		t.Fatalf("%d versions, want 25", n)
	}
	named := newElement("", []byte(g.lists["/rest/api/2/project"].values[1]))
	key, _ := named.value("key", nil)
	f.lists["/rest/api/2/project/"+key] = &list{values: []string{string(named.raw)}, member: one}
	f.lists[agile+"/board?projectKeyOrId="+key] = &list{values: []string{`{"id":7}`}, member: "values", pages: byStart}
	f.requests = nil
	h.projects = []string{key}
	got := h.run("project_versions")
	want(t, "projects", ids(t, got.records, "project"), []string{key, key, key, key, key})
	want(t, "deleted", got.deleted, nil)
	want(t, "requests", f.requests, []string{"/rest/api/2/project/" + key, "/rest/api/2/project/" + key + "/versions"})
	want(t, "boards", ids(t, h.run("boards").records, "id"), []string{"7"})
	// One of several that does not exist costs itself.
	h.projects = []string{"GONE", key}
	want(t, "projects", ids(t, h.run("projects").records, "key"), []string{key})
}

func TestWhatCannotBeARecord(t *testing.T) {
	t.Parallel()
	h, l, _ := priorities(t, 3)
	l.values[1] = `{"name":"no id"}`
	l.values = append(l.values, `7`)
	got := h.run("priorities")
	want(t, "records", ids(t, got.records, "id"), []string{"1", "3"})
	if len(got.rejects) != 2 || !strings.Contains(got.rejects[0], "no id") {
		t.Errorf("rejects %q", got.rejects)
	}
	again := h.run("priorities")
	if len(again.rejects)+len(again.deleted)+len(again.records) != 0 {
		t.Errorf("the second time: %+v, want nothing", again)
	}
}
