// Reading a split: the walk's issues become records of both streams.

package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// reader reads one split.
type reader struct {
	source *Source
	client *client
	at     site
	part   part
	fields []string
	out    *sdk.Writer
	lines  sdk.Builder // records on their way to out
	buffer []byte      // of the record being made
}

// Read implements [sdk.Source].
func (s *Source) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	var p part
	if err := json.Unmarshal(split.Data, &p); err != nil {
		return sdk.Permanent(fmt.Errorf("%s: %w", split.ID, err))
	}
	from, err := decodeCursor(split.Cursor)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("%s: %w", split.ID, err))
	}
	if from.Done {
		return nil
	}
	at, err := s.known(ctx)
	if err != nil {
		return err
	}
	r := &reader{source: s, client: s.client(ctx), at: at, part: p, fields: s.fieldsToAsk(), out: w}
	if err := r.read(ctx, from); err != nil {
		return fmt.Errorf("%s: %w", split.ID, err)
	}
	return nil
}

func (r *reader) read(ctx context.Context, from cursor) error {
	walk := newWalk(r, from)
	emit := func(i *issue) error { return r.emit(ctx, i) }
	if err := walk.run(ctx, emit, r.cursor); err != nil {
		return err
	}
	if walk.blank {
		// Nothing is there, or the token died: then Jira shows nothing at all, and the split must not count as read.
		if err := r.source.visible(ctx, r.at, r.part.Projects); err != nil {
			return err
		}
	}
	return r.cursor(walk.last())
}

// put emits a record. The decoder has found it to be JSON already, so it goes past the check of the Writer, which costs
// as much as all the rest.
func (r *reader) put(stream string, line []byte) error {
	if len(line) >= sdk.MaxRecord || bytes.IndexByte(line, '\n') >= 0 {
		return r.out.EmitJSON(stream, line)
	}
	r.lines.AddLine(stream, sdk.Upsert, line)
	return r.send(r.lines.Full())
}

func (r *reader) send(batches []sdk.Batch) error {
	for _, b := range batches {
		if err := r.out.Batch(b); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) cursor(c cursor) error {
	if err := r.send(r.lines.Flush()); err != nil {
		return err
	}
	return r.out.Cursor(c)
}

// emit makes the records of an issue.
func (r *reader) emit(ctx context.Context, i *issue) error {
	whole, err := r.complete(ctx, i)
	if err != nil {
		return err
	}
	if slices.Contains(r.part.Streams, issuesStream) {
		r.buffer = i.record(r.buffer[:0], r.at, whole)
		if err := r.put(issuesStream, r.buffer); err != nil {
			return err
		}
	}
	if slices.Contains(r.part.Streams, commentsStream) && i.comments.array.found() {
		return r.emitComments(i)
	}
	return nil
}

func (r *reader) emitComments(i *issue) error {
	d := newDecoder(bytes.NewBuffer(i.comments.array.of(i.raw)))
	nth := 0
	return array(d, func() error {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		nth++
		c, err := parseComment(raw)
		if err == nil && c.id == "" {
			err = errors.New("comment without id")
		}
		if err != nil {
			return r.reject(commentsStream, raw, err)
		}
		r.buffer = c.record(r.buffer[:0], r.at, i, nth)
		return r.put(commentsStream, r.buffer)
	})
}

// reject gives up an issue or a comment that cannot be made a record of. Of a huge one only the beginning is kept.
func (r *reader) reject(stream string, raw []byte, why error) error {
	const shown = 64 << 10
	if len(raw) >= sdk.MaxRecord {
		raw = raw[:shown]
	}
	return r.out.Reject(stream, raw, why.Error())
}

// visible asks whether the account sees anything of the projects at all, whatever the filter. A token that expired gives
// an empty list rather than an error.
func (s *Source) visible(ctx context.Context, at site, projects []string) error {
	c := s.client(ctx)
	_, _, ok, err := c.first(ctx, at, inProjects(projects)+" ORDER BY created DESC")
	if ok || err != nil && !s.leavesOut(err) {
		return err
	}
	for _, key := range projects[:min(len(projects), 5)] { // there are projects without issues
		_, err := c.getJSON(ctx, at.api()+"/project/"+url.PathEscape(key), nil, &project{})
		if err == nil {
			return nil
		}
		if !gone(err) && statusOf(err) != http.StatusUnauthorized {
			return err
		}
	}
	return sdk.Permanent(fmt.Errorf("the server shows nothing of %s to this account: it may not browse it, or its token has expired (Jira then gives an empty list): check http.auth and projects", shortList(projects)))
}

// shortList names some projects and counts the others.
func shortList(projects []string) string {
	const shown = 5
	if len(projects) <= shown {
		return strings.Join(projects, ", ")
	}
	return fmt.Sprintf("%s and %d more projects", strings.Join(projects[:shown], ", "), len(projects)-shown)
}
