// Reading a split: the walk's issues become records of both streams.

package jira

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// walkReader reads one walk.
type walkReader struct {
	*reader
	fields []string
	buffer []byte // of the record being made
}

// readWalk reads a split of issues.
func readWalk(ctx context.Context, in *reader) error {
	from, err := decodeCursor(in.from)
	if err != nil {
		return sdk.Permanent(err)
	}
	if from.Done {
		return nil
	}
	r := &walkReader{reader: in, fields: in.source.fieldsToAsk()}
	walk := newWalk(r, from)
	if err := deliver(ctx, walk, r.completeChunk, r.emitChunk); err != nil {
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

// emitChunk makes the records of some issues.
func (r *walkReader) emitChunk(c *chunk) error {
	for _, it := range c.items {
		for _, j := range it.rejects {
			if err := r.out.Reject(j.Stream, j.Record, j.Reason); err != nil {
				return err
			}
		}
		if it.issue.id == "" {
			continue
		}
		if err := r.emit(&it.issue, it.whole); err != nil {
			return err
		}
	}
	if c.save == nil {
		return nil
	}
	return r.cursor(*c.save)
}

// emit makes the records of an issue.
func (r *walkReader) emit(i *issue, whole completeness) error {
	if r.wants(issuesStream) {
		r.buffer = i.record(r.buffer[:0], r.at, whole)
		if err := r.put(issuesStream, r.buffer); err != nil {
			return err
		}
	}
	if r.wants(commentsStream) && i.comments.array.found() {
		return r.emitComments(i)
	}
	return nil
}

func (r *walkReader) emitComments(i *issue) error {
	d := rest.NewDecoder(bytes.NewBuffer(i.comments.array.of(i.raw)))
	nth := 0
	return rest.Array(d, func() error {
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
			return r.out.Reject(commentsStream, shortened(raw), err.Error())
		}
		r.buffer = c.record(r.buffer[:0], r.at, i, nth)
		return r.put(commentsStream, r.buffer)
	})
}

// visible asks whether the account sees anything of the projects at all, whatever the filter. A token that expired gives
// an empty list rather than an error.
func (s *Source) visible(ctx context.Context, at rest.Site, projects []string) error {
	c := s.client(ctx)
	_, _, ok, err := c.first(ctx, at, inProjects(projects)+" ORDER BY created DESC")
	if ok || err != nil && !s.leavesOut(err) {
		return err
	}
	for _, key := range projects[:min(len(projects), 5)] { // there are projects without issues
		_, err := c.GetJSON(ctx, at.API()+"/project/"+url.PathEscape(key), nil, &project{})
		if err == nil {
			return nil
		}
		if !rest.Gone(err) && rest.Status(err) != http.StatusUnauthorized {
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
