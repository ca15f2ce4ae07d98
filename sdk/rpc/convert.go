// Conversion of the values that more than one service carries.

package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/printable"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// A name or an id that is no UTF-8 fails to travel, with an error; texts for people are mended instead.

// each converts a slice; nil stays nil.
func each[A, B any](in []A, f func(A) B) []B {
	if in == nil {
		return nil
	}
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func batchTo(b sdk.Batch) *pb.Batch {
	op := pb.Op_OP_UPSERT
	if b.Op == sdk.Delete {
		op = pb.Op_OP_DELETE
	}
	return &pb.Batch{Stream: b.Stream, Op: op, Count: int64(b.Count), Payload: b.Payload}
}

func batchFrom(b *pb.Batch) sdk.Batch {
	op := sdk.Upsert
	if b.GetOp() == pb.Op_OP_DELETE {
		op = sdk.Delete
	}
	return sdk.Batch{Stream: b.GetStream(), Op: op, Count: int(b.GetCount()), Payload: b.GetPayload()}
}

// checkedBatch converts a batch that comes from a plugin. The counts of the whole run rest on Count being
// the number of lines, so a plugin's word is not taken for it; counting lines costs next to nothing.
func checkedBatch(b *pb.Batch) (sdk.Batch, error) {
	out := batchFrom(b)
	switch lines := bytes.Count(out.Payload, []byte{'\n'}); {
	case out.Stream == "":
		return out, sdk.Permanent(fmt.Errorf("the plugin sent a batch of %d records without the name of its stream", out.Count))
	case nameFault(out.Stream) != nil:
		return out, badStream(out.Stream)
	case b.GetOp() != pb.Op_OP_UPSERT && b.GetOp() != pb.Op_OP_DELETE:
		return out, sdk.Permanent(fmt.Errorf("%s: the plugin sent a batch with the unknown operation %d", out.Stream, b.GetOp()))
	case lines != out.Count || lines > 0 && out.Payload[len(out.Payload)-1] != '\n':
		return out, sdk.Permanent(fmt.Errorf("%s: the plugin sent a batch of %d records whose payload holds %d lines; each record is one line that ends in a newline", out.Stream, out.Count, lines))
	case lines == 0 && len(out.Payload) > 0:
		return out, sdk.Permanent(fmt.Errorf("%s: the plugin sent a batch whose payload does not end in a newline", out.Stream))
	case bytes.HasPrefix(out.Payload, []byte{'\n'}) || bytes.Contains(out.Payload, []byte("\n\n")):
		return out, sdk.Permanent(fmt.Errorf("%s: the plugin sent a batch with an empty line in its payload; each line is one record", out.Stream))
	}
	return out, shortEnough(out)
}

// shortEnough refuses records that the other stages could not be sent.
func shortEnough(b sdk.Batch) error {
	if len(b.Payload) <= sdk.MaxRecord {
		return nil // so is each record
	}
	for record := range b.Records() {
		if len(record) > sdk.MaxRecord {
			return sdk.Permanent(fmt.Errorf("%s: the plugin sent a record of %d bytes, the limit is %d", b.Stream, len(record), sdk.MaxRecord))
		}
	}
	return nil
}

func streamTo(s sdk.Stream) *pb.Stream {
	return &pb.Stream{
		Name: s.Name, Doc: validText(s.Doc), Schema: s.Schema,
		PrimaryKey: s.PrimaryKey, Cursor: s.Cursor, Optional: s.Optional,
	}
}

func streamFrom(s *pb.Stream) sdk.Stream {
	return sdk.Stream{
		Name: s.GetName(), Doc: s.GetDoc(), Schema: rawJSON(s.GetSchema()),
		PrimaryKey: s.GetPrimaryKey(), Cursor: s.GetCursor(), Optional: s.GetOptional(),
	}
}

// What a plugin says of itself is printed and kept: so many bytes of it are taken, at the most.
const (
	maxName = 1 << 10
	maxDoc  = 64 << 10
)

// announced converts the streams that a plugin has. Their names go into reports, names of files and messages.
func announced(streams []*pb.Stream) ([]sdk.Stream, error) {
	for _, s := range streams {
		if nameFault(s.GetName()) != nil {
			return nil, badStream(s.GetName())
		}
		said := len(s.GetDoc()) + len(s.GetCursor())
		for _, key := range s.GetPrimaryKey() {
			said += len(key)
		}
		if said > maxDoc {
			return nil, sdk.Permanent(fmt.Errorf("the doc, the key and the cursor of the plugin's stream %s have %d bytes together, %d are the most",
				s.GetName(), said, maxDoc))
		}
	}
	return each(streams, streamFrom), nil
}

// nameFault says what is wrong with a name that a plugin gives.
func nameFault(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("it has %d bytes, %d are the most", len(name), maxName)
	}
	return printable.Check(name)
}

func badStream(name string) error {
	return sdk.Permanent(fmt.Errorf("the plugin has a stream of the name %.100q, and %w: a name is what people read", name, nameFault(name)))
}

// harmless is a text of the plugin's, or of a server's in it, as the host shows it: not like the host's own, and no
// longer than it may travel.
func harmless(text string) string { return printable.Line(wireText(text)) }

func permissionsTo(p sdk.Permissions) *pb.Permissions {
	if p.IsZero() {
		return nil
	}
	return &pb.Permissions{Http: p.HTTP, FsRead: p.FSRead, FsWrite: p.FSWrite, Dial: p.Dial, Methods: p.Methods}
}

func permissionsFrom(p *pb.Permissions) sdk.Permissions {
	return sdk.Permissions{HTTP: p.GetHttp(), FSRead: p.GetFsRead(), FSWrite: p.GetFsWrite(), Dial: p.GetDial(), Methods: p.GetMethods()}
}

func splitTo(s sdk.Split) *pb.Split {
	return &pb.Split{Id: s.ID, Stream: s.Stream, Data: s.Data, Cursor: s.Cursor, Estimate: s.Estimate}
}

func splitFrom(s *pb.Split) sdk.Split {
	return sdk.Split{ID: s.GetId(), Stream: s.GetStream(), Data: rawJSON(s.GetData()), Cursor: s.GetCursor(), Estimate: s.GetEstimate()}
}

func rejectTo(r sdk.Reject) *pb.Reject {
	return &pb.Reject{Stream: r.Stream, Record: r.Record, Reason: wireText(r.Reason)}
}

func rejectFrom(r *pb.Reject) sdk.Reject {
	return sdk.Reject{Stream: harmless(r.GetStream()), Record: r.GetRecord(), Reason: harmless(r.GetReason())}
}

func startTo(s sdk.Start) *pb.Start {
	out := &pb.Start{
		Pipeline: s.Pipeline, Seat: int32(s.Seat), Epoch: s.Epoch, Dir: s.Dir, //nolint:gosec // seats are few
		Run: s.Run, Token: s.Token, Resume: s.Resume, Full: s.Full,
		Streams: each(s.Streams, streamTo),
	}
	if !s.Started.IsZero() {
		out.Started = timestamppb.New(s.Started)
	}
	return out
}

func startFrom(s *pb.Start) sdk.Start {
	out := sdk.Start{
		Pipeline: s.GetPipeline(), Seat: int(s.GetSeat()), Epoch: s.GetEpoch(), Dir: s.GetDir(),
		Run: s.GetRun(), Token: s.GetToken(), Resume: s.GetResume(), Full: s.GetFull(),
		Streams: each(s.GetStreams(), streamFrom),
	}
	if s.GetStarted() != nil {
		out.Started = s.GetStarted().AsTime()
	}
	return out
}

// tokenFrom makes a token of what a commit returned: empty, but not nil, if it is empty, since nil means
// that there was no commit.
func tokenFrom(raw []byte) sdk.Token {
	if raw == nil {
		return sdk.Token{}
	}
	return raw
}

// rawJSON makes absent JSON nil, so that it is left out where it is printed.
func rawJSON(raw []byte) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	return raw
}
