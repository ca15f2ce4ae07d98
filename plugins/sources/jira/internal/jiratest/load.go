// Loading: issues in the Data Center shape, kept byte for byte.

package jiratest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// maxLine bounds the size of one issue of LoadIssues.
const maxLine = 64 << 20

// LoadIssues adds issues from JSON Lines in the Data Center form, one issue a line. Their fields
// are served with their original bytes; only what the mutations of this package change is rendered
// again. An issue that exists already is replaced.
func (s *Server) LoadIssues(r io.Reader) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := s.load(bytes.Clone(lines.Bytes())); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

func (s *Server) load(line []byte) error {
	var raw struct {
		ID        string          `json:"id"`
		Key       string          `json:"key"`
		Fields    json.RawMessage `json:"fields"`
		Changelog struct {
			Histories []json.RawMessage `json:"histories"`
		} `json:"changelog"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return err
	}
	id, err := strconv.ParseInt(raw.ID, 10, 64)
	if err != nil {
		return fmt.Errorf("id %q: want digits", raw.ID)
	}
	key, num, err := splitKey(raw.Key)
	if err != nil {
		return err
	}
	r := &record{id: id, num: num}
	if r.fields, err = orderedFields(raw.Fields); err != nil {
		return fmt.Errorf("issue %s: %w", raw.Key, err)
	}
	r.project = s.projectOf(key, r.raw("project"))
	if err := r.readParts(raw.Changelog.Histories); err != nil {
		return fmt.Errorf("issue %s: %w", raw.Key, err)
	}
	if old := s.store.byID[id]; old != nil {
		s.store.remove(old)
	}
	if s.store.byKey[raw.Key] != nil {
		return fmt.Errorf("issue %s: another id has this key", raw.Key)
	}
	s.store.add(r)
	s.store.lastSub = max(s.store.lastSub, r.highest())
	return nil
}

// highest returns the highest id of the parts, so that new ids are higher.
func (r *record) highest() int64 {
	top := int64(0)
	for _, c := range r.comments {
		top = max(top, c.id)
	}
	for _, h := range r.histories {
		top = max(top, h.id)
	}
	for _, a := range r.attachments {
		top = max(top, a.id)
	}
	for _, w := range r.worklogs {
		top = max(top, w.id)
	}
	return top
}

// orderedFields splits an object into its fields, in order, bytes untouched.
func orderedFields(object json.RawMessage) ([]field, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("fields: want an object")
	}
	var fields []field
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		fields = append(fields, field{name.(string), raw})
	}
	return fields, nil
}

// projectOf returns the project of a key. The first time it makes it, from the project object of
// the issue if there is one.
func (s *Server) projectOf(key string, object json.RawMessage) *project {
	for _, p := range s.store.projects {
		if p.key == key {
			return p
		}
	}
	var known struct{ ID, Name string }
	p := &project{id: int64(10_100 + len(s.store.projects)), key: key, name: key, raw: object}
	if json.Unmarshal(object, &known) == nil && known.ID != "" {
		p.name = known.Name
		if id, err := strconv.ParseInt(known.ID, 10, 64); err == nil {
			p.id = id
		}
	} else {
		p.raw = p.render()
	}
	s.store.projects = append(s.store.projects, p)
	return p
}

func (p *project) render() json.RawMessage {
	return fmt.Appendf(nil, `{"self":"%s/project/%d","id":"%d","key":"%s","name":%s,"projectTypeKey":"software","avatarUrls":{"48x48":"%s/secure/projectavatar?pid=%d&avatarId=10011"}}`,
		apiRoot, p.id, p.id, p.key, quote(p.name), site, p.id)
}

// part has what comments, worklogs and histories have in common.
type part struct {
	ID                        string
	Author, UpdateAuthor      json.RawMessage
	Body, Comment             string
	Created, Updated, Started string
	Filename, MimeType        string
	Size                      int
	TimeSpentSeconds          int
}

// readParts takes the dates, comments, worklogs and histories out of the fields.
func (r *record) readParts(histories []json.RawMessage) error {
	var err error
	if r.created, err = parseStamp(textOf(r.raw("created"))); err != nil {
		return fmt.Errorf("created: %w", err)
	}
	r.updated = r.created
	if text := textOf(r.raw("updated")); text != "" { // some recordings have none
		if r.updated, err = parseStamp(text); err != nil {
			return fmt.Errorf("updated: %w", err)
		}
	}
	var lists struct {
		Comments, Worklogs []json.RawMessage
	}
	for _, name := range []string{"comment", "worklog"} {
		if raw := r.raw(name); raw != nil {
			if err := json.Unmarshal(raw, &lists); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	var attached []json.RawMessage
	if raw := r.raw("attachment"); raw != nil {
		if err := json.Unmarshal(raw, &attached); err != nil {
			return fmt.Errorf("attachment: %w", err)
		}
	}
	return errors.Join(
		eachPart(attached, func(p part, id int64, raw json.RawMessage) {
			r.attachments = append(r.attachments,
				attachment{id: id, name: p.Filename, author: p.Author, created: lenient(p.Created),
					size: p.Size, mime: p.MimeType, original: raw})
		}),
		eachPart(lists.Comments, func(p part, id int64, raw json.RawMessage) {
			r.comments = append(r.comments, comment{id: id, author: p.Author, updater: p.UpdateAuthor, body: p.Body,
				created: lenient(p.Created), updated: lenient(p.Updated), original: raw})
		}),
		eachPart(lists.Worklogs, func(p part, id int64, raw json.RawMessage) {
			r.worklogs = append(r.worklogs,
				worklog{id: id, author: p.Author, updater: p.UpdateAuthor, comment: p.Comment,
					created: lenient(p.Created), updated: lenient(p.Updated),
					started: lenient(p.Started), seconds: p.TimeSpentSeconds, original: raw})
		}),
		eachPart(histories, func(p part, id int64, raw json.RawMessage) {
			r.histories = append(r.histories,
				history{id: id, author: p.Author, created: lenient(p.Created), original: raw})
		}))
}

func eachPart(list []json.RawMessage, take func(part, int64, json.RawMessage)) error {
	for _, raw := range list {
		var p part
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		id, err := strconv.ParseInt(p.ID, 10, 64)
		if err != nil {
			return fmt.Errorf("id %q of a comment, worklog or history: want digits", p.ID)
		}
		take(p, id, raw)
	}
	return nil
}

func parseStamp(text string) (time.Time, error) { return time.Parse(stampLayout, text) }

// lenient reads the time of a part. No search uses it; the original bytes are served.
func lenient(text string) time.Time {
	t, err := parseStamp(text)
	if err != nil {
		return time.Time{}
	}
	return t
}
