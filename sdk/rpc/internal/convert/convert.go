// Package convert converts between values of package sdk and messages. It validates received
// values, because plugins are not trusted.
package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/printable"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// A name or id with invalid UTF-8 is an error; in texts for people, invalid UTF-8 is replaced.

// Each converts a slice; nil stays nil.
func Each[A, B any](in []A, f func(A) B) []B {
	if in == nil {
		return nil
	}
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// BatchTo converts a batch to a message.
func BatchTo(b sdk.Batch) *pb.Batch {
	op := pb.Op_OP_UPSERT
	if b.Op == sdk.Delete {
		op = pb.Op_OP_DELETE
	}
	return &pb.Batch{Stream: b.Stream, Op: op, Count: int64(b.Count), Payload: b.Payload}
}

// BatchFrom converts a message to a batch.
func BatchFrom(b *pb.Batch) sdk.Batch {
	op := sdk.Upsert
	if b.GetOp() == pb.Op_OP_DELETE {
		op = sdk.Delete
	}
	return sdk.Batch{Stream: b.GetStream(), Op: op, Count: int(b.GetCount()), Payload: b.GetPayload()}
}

// CheckedBatch converts a batch from a plugin. It counts the lines, which is cheap, because the
// counts of the run depend on Count.
func CheckedBatch(b *pb.Batch) (sdk.Batch, error) {
	out := BatchFrom(b)
	switch lines := bytes.Count(out.Payload, []byte{'\n'}); {
	case out.Stream == "":
		return out, sdk.Permanent(fmt.Errorf("the plugin sent a batch of %d records without the name of its stream",
			out.Count))
	case nameFault(out.Stream) != nil:
		return out, badStream(out.Stream)
	case b.GetOp() != pb.Op_OP_UPSERT && b.GetOp() != pb.Op_OP_DELETE:
		return out, sdk.Permanent(fmt.Errorf("%s: the plugin sent a batch with the unknown operation %d", out.Stream,
			b.GetOp()))
	case lines != out.Count || lines > 0 && out.Payload[len(out.Payload)-1] != '\n':
		return out, sdk.Permanent(fmt.Errorf(
			"%s: the plugin sent a batch of %d records whose payload holds %d lines; Each record is one line that "+
				"ends in a newline", out.Stream, out.Count, lines))
	case lines == 0 && len(out.Payload) > 0:
		return out, sdk.Permanent(fmt.Errorf("%s: the plugin sent a batch whose payload does not end in a newline",
			out.Stream))
	case bytes.HasPrefix(out.Payload, []byte{'\n'}) || bytes.Contains(out.Payload, []byte("\n\n")):
		return out, sdk.Permanent(fmt.Errorf(
			"%s: the plugin sent a batch with an empty line in its payload; Each line is one record", out.Stream))
	}
	return out, shortEnough(out)
}

// shortEnough refuses records that are too long to be sent to other stages.
func shortEnough(b sdk.Batch) error {
	if len(b.Payload) <= sdk.MaxRecord {
		return nil // then each record is short enough too
	}
	for record := range b.Records() {
		if len(record) > sdk.MaxRecord {
			return sdk.Permanent(fmt.Errorf("%s: the plugin sent a record of %d bytes, the limit is %d", b.Stream,
				len(record), sdk.MaxRecord))
		}
	}
	return nil
}

// StreamTo makes a message of a stream.
func StreamTo(s sdk.Stream) *pb.Stream {
	return &pb.Stream{
		Name: s.Name, Doc: text.Valid(s.Doc), Schema: s.Schema,
		PrimaryKey: s.PrimaryKey, Cursor: s.Cursor, Optional: s.Optional,
	}
}

// StreamFrom reads a stream of a message.
func StreamFrom(s *pb.Stream) sdk.Stream {
	return sdk.Stream{
		Name: s.GetName(), Doc: s.GetDoc(), Schema: rawJSON(s.GetSchema()),
		PrimaryKey: s.GetPrimaryKey(), Cursor: s.GetCursor(), Optional: s.GetOptional(),
	}
}

// Limits of a plugin's description, in bytes, because it is printed and stored.
const (
	MaxName = 1 << 10
	MaxDoc  = 64 << 10
)

// Announced converts the streams of a plugin. Their names occur in reports, file names and
// messages.
func Announced(streams []*pb.Stream) ([]sdk.Stream, error) {
	for _, s := range streams {
		if nameFault(s.GetName()) != nil {
			return nil, badStream(s.GetName())
		}
		said := len(s.GetDoc()) + len(s.GetCursor())
		for _, key := range s.GetPrimaryKey() {
			said += len(key)
		}
		if said > MaxDoc {
			return nil, sdk.Permanent(fmt.Errorf(
				"the doc, the key and the cursor of the plugin's stream %s have %d bytes together, %d are the most",
				s.GetName(), said, MaxDoc))
		}
	}
	return Each(streams, StreamFrom), nil
}

// nameFault returns what is wrong with a name from a plugin.
func nameFault(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("it has %d bytes, %d are the most", len(name), MaxName)
	}
	return printable.Check(name)
}

func badStream(name string) error {
	return sdk.Permanent(fmt.Errorf("the plugin has a stream of the name %.100q, and %w: a name is what people read",
		name, nameFault(name)))
}

func permissionsTo(p sdk.Permissions) *pb.Permissions {
	if p.IsZero() {
		return nil
	}
	return &pb.Permissions{Http: p.HTTP, FsRead: p.FSRead, FsWrite: p.FSWrite, Dial: p.Dial, Methods: p.Methods}
}

func permissionsFrom(p *pb.Permissions) sdk.Permissions {
	return sdk.Permissions{HTTP: p.GetHttp(), FSRead: p.GetFsRead(), FSWrite: p.GetFsWrite(), Dial: p.GetDial(),
		Methods: p.GetMethods()}
}

// SplitTo makes a message of a split.
func SplitTo(s sdk.Split) *pb.Split {
	return &pb.Split{Id: s.ID, Stream: s.Stream, Data: s.Data, Cursor: s.Cursor, Estimate: s.Estimate}
}

// SplitFrom reads a split of a message.
func SplitFrom(s *pb.Split) sdk.Split {
	return sdk.Split{ID: s.GetId(), Stream: s.GetStream(), Data: rawJSON(s.GetData()), Cursor: s.GetCursor(),
		Estimate: s.GetEstimate()}
}

// RejectTo makes a message of a rejected record.
func RejectTo(r sdk.Reject) *pb.Reject {
	return &pb.Reject{Stream: r.Stream, Record: r.Record, Reason: text.Bounded(r.Reason)}
}

// RejectFrom reads a rejected record of a message.
func RejectFrom(r *pb.Reject) sdk.Reject {
	return sdk.Reject{Stream: text.Harmless(r.GetStream()), Record: r.GetRecord(), Reason: text.Harmless(r.GetReason())}
}

// StartTo makes a message of what a stage starts with.
func StartTo(s sdk.Start) *pb.Start {
	out := &pb.Start{
		Pipeline: s.Pipeline, Seat: int32(s.Seat), Epoch: s.Epoch, Dir: s.Dir, //nolint:gosec // seats are few
		Run: s.Run, Token: s.Token, Resume: s.Resume, Full: s.Full,
		Streams: Each(s.Streams, StreamTo),
	}
	if !s.Started.IsZero() {
		out.Started = timestamppb.New(s.Started)
	}
	return out
}

// StartFrom reads what a stage starts with of a message.
func StartFrom(s *pb.Start) sdk.Start {
	out := sdk.Start{
		Pipeline: s.GetPipeline(), Seat: int(s.GetSeat()), Epoch: s.GetEpoch(), Dir: s.GetDir(),
		Run: s.GetRun(), Token: s.GetToken(), Resume: s.GetResume(), Full: s.GetFull(),
		Streams: Each(s.GetStreams(), StreamFrom),
	}
	if s.GetStarted() != nil {
		out.Started = s.GetStarted().AsTime()
	}
	return out
}

// TokenFrom returns the token of a commit: not nil even if empty, because nil means no commit.
func TokenFrom(raw []byte) sdk.Token {
	if raw == nil {
		return sdk.Token{}
	}
	return raw
}

// rawJSON returns nil for missing JSON, so that it is omitted when printed.
func rawJSON(raw []byte) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// ClassesTo makes a message of classes of replies.
func ClassesTo(classes []hint.Class) []*pb.ReplyClass {
	var out []*pb.ReplyClass
	for _, c := range classes {
		one := &pb.ReplyClass{
			Status: int32(c.Status), Text: text.Valid(c.Text), Temporary: c.Temporary,
			Throttled: c.Throttled, Header: text.Valid(c.Header), Seconds: text.Valid(c.Seconds), Good: c.Good,
		}
		if c.Pause > 0 {
			one.Pause = durationpb.New(c.Pause)
		}
		out = append(out, one)
	}
	return out
}

// ClassesFrom converts messages to classes. It ignores invalid pauses.
func ClassesFrom(in []*pb.ReplyClass) []hint.Class {
	var out []hint.Class
	for _, c := range in {
		out = append(out, hint.Class{
			Status: int(c.GetStatus()), Text: c.GetText(), Temporary: c.GetTemporary(),
			Throttled: c.GetThrottled(), Header: c.GetHeader(), Seconds: c.GetSeconds(), Good: c.GetGood(),
			Pause: min(max(c.GetPause().AsDuration(), 0), MaxRetryAfter),
		})
	}
	return out
}

// HeadersTo makes a message of headers.
func HeadersTo(h http.Header) []*pb.Header {
	var out []*pb.Header
	for name, values := range h {
		for _, v := range values {
			out = append(out, &pb.Header{Name: text.Valid(name), Value: text.Valid(v)})
		}
	}
	return out
}

// HeadersFrom reads headers of a message.
func HeadersFrom(in []*pb.Header) http.Header {
	out := make(http.Header, len(in))
	for _, h := range in {
		out.Add(h.GetName(), h.GetValue())
	}
	return out
}

// SinkPlanTo converts what a sink would do to a message.
func SinkPlanTo(p sdk.SinkPlan) *pb.PlanSinkResponse {
	return &pb.PlanSinkResponse{Effects: Each(p.Effects, text.Valid), Statements: Each(p.Statements, text.Valid)}
}

// SinkPlanFrom reads what a sink would do of a message.
func SinkPlanFrom(r *pb.PlanSinkResponse) sdk.SinkPlan {
	return sdk.SinkPlan{Effects: Each(r.GetEffects(), text.Harmless),
		Statements: Each(r.GetStatements(), text.Harmless)}
}

var deliveries = map[sdk.Delivery]pb.Guarantee_Delivery{
	sdk.AtLeastOnce: pb.Guarantee_DELIVERY_AT_LEAST_ONCE,
	sdk.OncePerKey:  pb.Guarantee_DELIVERY_ONCE_PER_KEY,
	sdk.ExactlyOnce: pb.Guarantee_DELIVERY_EXACTLY_ONCE,
}

// GuaranteeOf returns a sink's guarantee on the wire.
func GuaranteeOf(v any) *pb.Guarantee {
	s, ok := v.(sdk.Sink)
	if !ok {
		return nil
	}
	g := host.GuaranteeOf(s)
	return &pb.Guarantee{Delivery: deliveries[g.Delivery], Why: text.Valid(g.Why)}
}

// GuaranteeFrom returns the zero value for a guarantee that this host does not know.
func GuaranteeFrom(g *pb.Guarantee) sdk.Guarantee {
	for delivery, wire := range deliveries {
		if wire == g.GetDelivery() {
			return sdk.Guarantee{Delivery: delivery, Why: text.Harmless(g.GetWhy())}
		}
	}
	return sdk.Guarantee{}
}

// MaxRetryAfter bounds the pause that the other side may ask for.
const MaxRetryAfter = 30 * 24 * time.Hour

// InfoTo makes a message of what a plugin says of itself.
func InfoTo(i sdk.Info) *pb.DescribeResponse {
	kind := map[sdk.Kind]pb.Kind{
		sdk.KindSource:    pb.Kind_KIND_SOURCE,
		sdk.KindTransform: pb.Kind_KIND_TRANSFORM,
		sdk.KindSink:      pb.Kind_KIND_SINK,
	}[i.Kind]
	return &pb.DescribeResponse{
		Name: i.Name, Version: i.Version, Kind: kind, Doc: text.Valid(i.Doc),
		ConfigSchema: i.Config, Streams: Each(i.Streams, StreamTo), Permissions: permissionsTo(i.Permissions),
		Robots:     i.Robots,
		PrivateDir: i.PrivateDir,
	}
}

// InfoFrom reads what a plugin says of itself of a message.
func InfoFrom(r *pb.DescribeResponse) (sdk.Info, error) {
	info := sdk.Info{
		Name: r.GetName(), Version: r.GetVersion(), Doc: r.GetDoc(),
		Config: rawJSON(r.GetConfigSchema()), Permissions: permissionsFrom(r.GetPermissions()), Robots: r.GetRobots(),
		PrivateDir: r.GetPrivateDir(),
	}
	if err := errors.Join(nameFault(info.Name), nameFault(info.Version)); err != nil {
		return info, sdk.Permanent(fmt.Errorf("the plugin calls itself %.100q, version %.100q: %w", info.Name,
			info.Version, err))
	}
	if n := len(info.Doc); n > MaxDoc {
		return info, sdk.Permanent(fmt.Errorf("plugin %s: its doc has %d bytes, %d are the most", info.Name, n, MaxDoc))
	}
	var err error
	if info.Streams, err = Announced(r.GetStreams()); err != nil {
		return info, err
	}
	if err := info.Permissions.Check(); err != nil {
		return info, sdk.Permanent(fmt.Errorf("plugin %s: the permissions that it asks for: %w", info.Name, err))
	}
	switch r.GetKind() {
	case pb.Kind_KIND_SOURCE:
		info.Kind = sdk.KindSource
	case pb.Kind_KIND_TRANSFORM:
		info.Kind = sdk.KindTransform
	case pb.Kind_KIND_SINK:
		info.Kind = sdk.KindSink
	default:
		return info, sdk.Permanent(fmt.Errorf("plugin %s says that it is of kind %v, which this host does not know",
			info.Name, r.GetKind()))
	}
	return info, nil
}
