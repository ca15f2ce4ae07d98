// Keep, both ends: a file that the plugin requests and the host stores.

package rpc

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/line"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

// keeping is a file that the plugin waits for.
type keeping chan kept

// kept is the result.
type kept struct {
	file reply.File
	err  error
}

func (k keeping) take(m *pb.FromHost) {
	switch m := m.GetMessage().(type) {
	case *pb.FromHost_Kept:
		k.settle(kept{file: reply.File{Path: m.Kept.GetPath(), SHA256: m.Kept.GetSha256(), Size: m.Kept.GetSize()}})
	case *pb.FromHost_NotKept:
		k.settle(kept{err: notKeptFrom(m.NotKept)})
	case *pb.FromHost_RequestError:
		k.settle(kept{err: convert.RequestErrorFrom(m.RequestError)})
	}
}

func (k keeping) fail(err error) { k.settle(kept{err: err}) }

// settle never blocks: the first result counts.
func (k keeping) settle(what kept) {
	select {
	case k <- what:
	default:
	}
}

// keep requests a file from the host, within the call.
func (t *transport) keep(req *http.Request, key string, expect reply.Expect) (reply.File, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	defer context.AfterFunc(t.call, func() { cancel(t.call.Err()) })()
	k := make(keeping, 1)
	id, err := t.link.enrol(k)
	if err != nil {
		return reply.File{}, err
	}
	defer t.link.forget(id)
	err = t.link.send(ctx, &pb.FromPlugin{Id: id, Message: &pb.FromPlugin_Keep{Keep: &pb.Keep{
		Key: text.Valid(key), Url: req.URL.String(), Headers: convert.HeadersTo(req.Header),
		Classes: convert.ClassesTo(hint.Classes(req)),
		Size:    expect.Size, Type: text.Valid(expect.Type), Split: text.Valid(hint.Split(t.call)),
	}}})
	if err != nil {
		return reply.File{}, err
	}
	select {
	case got := <-k:
		return got.file, got.err
	case <-ctx.Done():
		_ = t.link.send(context.Background(), cancelOf(id)) // without a stream, no host works on it
		return reply.File{}, context.Cause(ctx)
	}
}

func (d *pluginServer) keepOrder(id uint64, k *pb.Keep) *line.Order {
	return line.NewOrder(id, k.GetSplit(), 0, 0, func(o *line.Order) error { return d.keep(o, k) })
}

// keep stores a file, and returns it or an error.
func (d *pluginServer) keep(o *line.Order, k *pb.Keep) error {
	if d.host.Keep == nil {
		return sdk.Permanent(errors.New("this host keeps no files"))
	}
	req, err := request(o, http.MethodGet, nil, k)
	if err != nil {
		return sdk.Permanent(err)
	}
	file, err := d.host.Keep(req, k.GetKey(), reply.Expect{Size: k.Size, Type: k.GetType()})
	var none *reply.NotKept
	switch {
	case errors.As(err, &none):
		return d.send(&pb.FromHost{Id: o.ID, Message: &pb.FromHost_NotKept{NotKept: notKeptTo(none)}})
	case err != nil:
		return err
	}
	return d.send(&pb.FromHost{Id: o.ID, Message: &pb.FromHost_Kept{Kept: &pb.File{
		Path: text.Valid(file.Path), Sha256: file.SHA256, Size: file.Size,
	}}})
}

func notKeptTo(e *reply.NotKept) *pb.NotKept {
	none := &pb.NotKept{
		Status: int32(e.Status), Url: text.Bounded(e.URL), Problem: text.Bounded(e.Problem), TooLong: e.TooLong,
		Said: text.Bounded(e.Said),
	}
	if e.Err != nil {
		none.Error = convert.RequestErrorTo(e.Err)
	}
	if led := (*reply.Redirected)(nil); errors.As(e.Err, &led) {
		none.Redirect = &pb.Redirect{
			Status: int32(led.Status), From: text.Bounded(led.From.String()), To: text.Bounded(led.To.String()),
		}
	}
	return none
}

func notKeptFrom(none *pb.NotKept) *reply.NotKept {
	e := &reply.NotKept{
		Status: int(none.GetStatus()), URL: none.GetUrl(), Problem: none.GetProblem(), TooLong: none.GetTooLong(),
		Said: none.GetSaid(),
	}
	if none.GetError() == nil {
		return e
	}
	e.Err = convert.RequestErrorFrom(none.GetError())
	if led := none.GetRedirect(); led != nil {
		from, fromErr := url.Parse(led.GetFrom())
		to, toErr := url.Parse(led.GetTo())
		if fromErr == nil && toErr == nil {
			e.Err = &reply.Redirected{Status: int(led.GetStatus()), From: from, To: to, Err: e.Err}
		}
	}
	return e
}
