// What a plugin says is not to be taken for what the host says, nor to command a terminal.

package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

const evilWords = "\x1b]0;T\x07\x1b[2JEVIL\u202eABC\r\nrun FORGED\u009b31m"

// described is what the host takes of what a plugin says of itself.
func described(t *testing.T, p sdk.Plugin) (sdk.Info, error) {
	t.Helper()
	c, end, err := InProcess(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	return c.Describe(t.Context())
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sdk.Info){
		"name":        func(i *sdk.Info) { i.Name = "x" + evilWords },
		"version":     func(i *sdk.Info) { i.Version = "1\u202e" },
		"stream":      func(i *sdk.Info) { i.Streams = []sdk.Stream{{Name: "a\nb"}} },
		"long name":   func(i *sdk.Info) { i.Name = strings.Repeat("x", convert.MaxName+1) },
		"long doc":    func(i *sdk.Info) { i.Doc = strings.Repeat("x", convert.MaxDoc+1) },
		"long stream": func(i *sdk.Info) { i.Streams = []sdk.Stream{{Name: strings.Repeat("x", convert.MaxName+1)}} },
		"stream's doc": func(i *sdk.Info) {
			i.Streams = []sdk.Stream{{Name: "x", Doc: strings.Repeat("x", convert.MaxDoc), PrimaryKey: []string{"k"}}}
		},
		"permission": func(i *sdk.Info) { i.Permissions.FSRead = []string{"~\x1b[1A\x1b[2K"} },
	} {
		p := sourceOf(nil)
		change(&p.Info)
		if _, err := described(t, p); !sdk.IsPermanent(err) || strings.ContainsAny(err.Error(), "\x1b\n\u202e") ||
			len(err.Error()) > 500 {
			t.Errorf("%s: %.500v", name, err)
		}
	}
}

// A plugin that is not made with the kit may say more than the kit lets through.
func TestWhatIsSaidIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 20<<20)
	r := convert.RejectFrom(&pb.Reject{Stream: long, Reason: long})
	if len(r.Stream) > text.MaxBytes+10 || len(r.Reason) > text.MaxBytes+10 {
		t.Errorf("%d and %d bytes", len(r.Stream), len(r.Reason))
	}
	if err := fromStatus(t.Context(), status.Error(codes.Unknown, long)); len(err.Error()) > text.MaxBytes+10 {
		t.Errorf("%d bytes", len(err.Error()))
	}
	for what, split := range map[string]sdk.Split{"id": {ID: long}, "stream": {ID: "x", Stream: long}} {
		if err := convert.SplitFrom(convert.SplitTo(split)).Validate(); !sdk.IsPermanent(err) ||
			len(err.Error()) > 500 {
			t.Errorf("%s: %.500v", what, err)
		}
	}
	if _, err := convert.CheckedBatch(&pb.Batch{Stream: long, Op: pb.Op_OP_UPSERT}); !sdk.IsPermanent(err) ||
		len(err.Error()) > 500 {
		t.Errorf("batch: %.500v", err)
	}
}

// sayer is a source that says one thing in every place.
type sayer struct{}

func (s *sayer) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: evilWords}}, nil
}

func (s *sayer) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	if p.Streams[0] == "error" {
		return nil, errors.New("plan: " + evilWords)
	}
	return []sdk.Split{{ID: "s" + p.Streams[0], Stream: "r"}}, nil
}

func (s *sayer) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	sdk.Count(ctx, "head/"+evilWords, 1)
	switch split.ID {
	case "batch":
		return w.EmitJSON(evilWords, []byte("{}"))
	case "split":
		return w.Split(sdk.Split{ID: evilWords, Stream: "r"})
	case "reject":
		return w.Reject("r"+evilWords, []byte("{}"), "why: "+evilWords)
	}
	return sdk.Permanent(errors.New("read: " + evilWords))
}

func TestWhatIsSaidIsCleaned(t *testing.T) {
	t.Parallel()
	c, end, err := InProcess(t.Context(), pluginOf(sdk.KindSource, &sayer{}))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	src := c.Source()
	const clean = "·]0;T··[2JEVIL·ABC; run FORGED·31m"
	var counted []string
	ctx := sdk.Host{Count: func(name string, _ int64) { counted = append(counted, name) }}.In(t.Context())
	var got rejects
	read := func(id string) error { return src.Read(ctx, sdk.Split{ID: id, Stream: "r"}, sdk.NewWriter(&got)) }
	if err := read("x"); err == nil || err.Error() != "read: "+clean || !sdk.IsPermanent(err) {
		t.Errorf("%q", err)
	}
	if _, err := src.Plan(t.Context(), sdk.Plan{Streams: []string{"error"}}); err == nil ||
		err.Error() != "plan: "+clean {
		t.Errorf("%q", err)
	}
	if err := read("reject"); err != nil || len(got) != 1 || got[0].Reason != "why: "+clean ||
		got[0].Stream != "r"+clean {
		t.Errorf("%v %q", err, got)
	}
	if !slices.Contains(counted, "head/"+clean) || len(slices.Compact(counted)) != 1 {
		t.Errorf("%q", counted)
	}
	_, streams := src.Streams(t.Context())
	_, plan := src.Plan(t.Context(), sdk.Plan{Streams: []string{"\n"}})
	for what, err := range map[string]error{"stream": streams, "planned split": plan, "batch": read("batch"),
		"added split": read("split")} {
		if !sdk.IsPermanent(err) || strings.ContainsAny(err.Error(), "\x1b\n\u202e\u009b") {
			t.Errorf("%s: %q", what, err)
		}
	}
}

// rejects is an output that keeps what is rejected.
type rejects []sdk.Reject

func (*rejects) Batch(sdk.Batch) error         { return nil }
func (*rejects) Cursor([]byte) error           { return nil }
func (*rejects) Split(s sdk.Split) error       { return s.Validate() }
func (r *rejects) Reject(one sdk.Reject) error { *r = append(*r, one); return nil }
