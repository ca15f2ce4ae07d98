// What is kept between runs: snapshots, and the time up to which the audit log was read.

package lists

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

func TestSnapshotsSurviveTheirEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s snapshot
		for key, hash := range rapid.MapOf(rapid.String(), rapid.Uint64Max(1<<48-1)).Draw(t, "records") {
			s.put(key, hash)
		}
		again, err := decodeSnapshot(s.encode())
		if err != nil || len(again.hashes) != len(s.hashes) {
			t.Fatalf("%d records of %d (%v)", len(again.hashes), len(s.hashes), err)
		}
		for key, hash := range s.hashes {
			if again.hashes[key] != hash {
				t.Fatalf("%q: %x, want %x", key, again.hashes[key], hash)
			}
		}
	})
}

func TestDamagedSnapshots(t *testing.T) {
	t.Parallel()
	var s snapshot
	s.put("some key", 1)
	whole := s.encode()
	for n := 1; n < len(whole); n++ {
		if _, err := decodeSnapshot(whole[:n]); err == nil {
			t.Errorf("%d bytes of %d are taken for a snapshot", n, len(whole))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		_, _ = decodeSnapshot(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) // and does not panic
	})
}

func TestSnapshotsAreSmall(t *testing.T) {
	t.Parallel()
	var s snapshot
	for i := range 200_000 {
		s.put(fmt.Sprintf("%d%s%d", i/1000, separator, 10_000_000+i), uint64(i))
	}
	if per := len(s.encode()) / 200_000; s.over || per > 12 {
		t.Errorf("%d bytes a record, over: %t", per, s.over)
	}
	for i := range 1_000_000 {
		s.put(fmt.Sprint("user:", i), uint64(i))
	}
	if !s.over || len(s.encode()) != 0 {
		t.Errorf("a snapshot of %d bytes", len(s.encode()))
	}
}

// A list that is too long for a snapshot comes whole in every run.
func TestAListThatIsTooLong(t *testing.T) {
	t.Parallel()
	h, l, keys := priorities(t, 25)
	p := h.plan("priorities")
	from := []byte(`{"parents":[[]],"over":true}`)
	got, err := h.read(p, from)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "records", ids(t, got.records, "id"), keys)
	h.previous["priorities"] = Previous{Part: p, Cursor: got.cursors[len(got.cursors)-1]}
	l.values = l.values[5:]
	again := h.run("priorities")
	want(t, "records", ids(t, again.records, "id"), keys[5:])
	want(t, "deleted", again.deleted, nil)
}

const auditPath = "/rest/api/3/auditing/record"

func audit(id int, minute string) string {
	return fmt.Sprintf(`{"id":%d,"created":"2024-03-01T%s:00.000+0000","summary":"x"}`, id, minute)
}

func TestAuditRecordsAreReadOn(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.lists[auditPath] = &list{member: "records", pages: byOffset, most: 2,
		values: []string{audit(5, "12:30"), audit(4, "12:28"), audit(3, "12:20"), audit(2, "12:10"), audit(1, "12:00")}}
	h := newHost(t, f, rest.Cloud)
	want(t, "first run", ids(t, h.run("audit_records").records, "id"), []string{"5", "4", "3", "2", "1"})
	// The next run asks from five minutes before the latest on; what came late within them is new.
	from := "?from=2024-03-01T12:25:00.000+0000"
	f.lists[auditPath+from] = &list{member: "records", pages: byOffset, most: 2,
		values: []string{audit(7, "12:50"), audit(5, "12:30"), audit(6, "12:29"), audit(4, "12:28")}}
	got := h.run("audit_records")
	want(t, "second run", ids(t, got.records, "id"), []string{"7", "6"})
	want(t, "deleted", got.deleted, nil)
	// Nothing came.
	f.lists[auditPath+"?from=2024-03-01T12:45:00.000+0000"] = &list{member: "records", pages: byOffset,
		values: []string{audit(7, "12:50")}}
	for range 2 {
		want(t, "third run", h.run("audit_records").records, nil)
	}
	// Not even what was known.
	f.lists[auditPath+"?from=2024-03-01T12:45:00.000+0000"].values = nil
	h.run("audit_records")
	f.lists[auditPath+"?from=2024-03-01T12:45:00.000+0000"].values = []string{audit(8, "12:49"), audit(7, "12:50")}
	want(t, "fifth run", ids(t, h.run("audit_records").records, "id"), []string{"8"})
}

// What of the log could not be read comes with the next run: it asks from where this one did.
func TestAuditRecordsThatEndBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	f := newFake()
	values := []string{audit(5, "12:30"), audit(4, "12:28"), audit(3, "12:20"), audit(2, "12:10"), audit(1, "12:00")}
	l := &list{member: "records", pages: byOffset, most: 2, values: values[:2], quirk: quirk{total: 3}}
	f.lists[auditPath] = l
	h := newHost(t, f, rest.Cloud)
	if _, err := h.read(h.plan("audit_records"), nil); err == nil {
		t.Error("it is taken for whole")
	}
	h.run("audit_records")
	if h.missing("audit_records") != 1 {
		t.Errorf("it is not said to be missing: %v", h.counters)
	}
	l.values, l.quirk = values, quirk{}
	got := ids(t, h.run("audit_records").records, "id")
	if !slices.Contains(got, "1") || !slices.Contains(got, "3") {
		t.Errorf("%q came, when the server was well", got)
	}
}

// A server that takes the time for a date gives the whole day again.
func TestAuditRecordsOfTheWholeDay(t *testing.T) {
	t.Parallel()
	f := newFake()
	day := []string{audit(3, "12:30"), audit(2, "12:10"), audit(1, "12:00")}
	f.lists[auditPath] = &list{member: "records", pages: byOffset, most: 2, values: day}
	f.lists[auditPath+"?from=2024-03-01T12:25:00.000+0000"] = &list{member: "records", pages: byOffset, most: 2,
		values: append([]string{audit(4, "12:31")}, day...)}
	h := newHost(t, f, rest.Cloud)
	h.run("audit_records")
	want(t, "second run", ids(t, h.run("audit_records").records, "id"), []string{"4"})
}

// A cursor that is long does not come after every page.
func TestLongCursorsComeSeldom(t *testing.T) {
	t.Parallel()
	f := newFake()
	var values []string
	for i := range 60_000 {
		values = append(values, fmt.Sprintf(`"label-%d"`, i*7919))
	}
	f.lists["/rest/api/3/label"] = &list{values: values, member: "values", pages: byStart}
	h := newHost(t, f, rest.Cloud)
	got := h.run("labels")
	bytes := 0
	for _, c := range got.cursors {
		bytes += len(c)
	}
	if len(got.records) != 60_000 || len(got.cursors) < 5 || bytes > 4<<20 {
		t.Errorf("%d records, %d cursors of %d bytes together", len(got.records), len(got.cursors), bytes)
	}
}

// Nothing of the pages that were asked for ahead gets into the order.
func TestListsAreReadInOrder(t *testing.T) {
	t.Parallel()
	g := grow(rest.Cloud)
	h := newHost(t, &fake{lists: g.lists}, rest.Cloud)
	first := h.run("sprint_issues").records
	for range 5 {
		h = newHost(t, &fake{lists: g.lists}, rest.Cloud)
		want(t, "records", h.run("sprint_issues").records, first)
	}
}
