// Reading a walk: its issues become records of all streams that are made of them.

package jira

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// walkReader reads one walk.
type walkReader struct {
	*reader
	needs needs
	maker record.Maker
	met   map[string]bool // users since the last cursor
	sent  delivered       // issues since the beginning of the walk
	// vanished are those of them that became invisible before all their parts were read.
	vanished idSet
	// lacking are those without some of their parts.
	lacking lackSet
	ids     bool // a census requests only ids; a faulty issue is reported by the walks
	// noBulk: this account may not fetch changelogs in bulk.
	noBulk bool
}

// newWalkReader returns a reader that makes records; sent are the issues that were delivered
// before.
func newWalkReader(ctx context.Context, in *reader, sent map[string]idSet) (*walkReader, error) {
	r := &walkReader{reader: in, needs: needsOf(in.part.Streams, in.source.Fields), met: map[string]bool{},
		sent: deliveredOf(sent)}
	r.maker.Raw = in.source.Content != "normalised"
	if !r.wants(issuesStream) || in.source.Content == "raw" {
		return r, nil
	}
	var err error
	r.maker.Fields, err = in.source.fieldsOf(ctx, in.at)
	return r, err
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
	r, err := newWalkReader(ctx, in, from.Met)
	if err != nil {
		return err
	}
	r.vanished, r.lacking = from.Vanished, from.Lacking
	if len(in.part.Lacking) > 0 {
		return r.readAgain(ctx, from)
	}
	walk := newWalk(r, from)
	if err := deliver(ctx, walk, r.completeChunk, r.emitChunk); err != nil {
		return err
	}
	for _, project := range walk.left {
		sdk.Missing(ctx, "project "+project,
			errors.New("it went away while it was read: it is archived or deleted, or this account may not browse "+
				"it any more"))
	}
	if walk.blank && len(walk.left) == 0 {
		// Either nothing exists, or the token expired: then Jira shows nothing at all, and the
		// split must not count as read.
		if err := r.source.visible(ctx, r.at, r.part.Projects); err != nil {
			return err
		}
	}
	if err := r.few(ctx, walk); err != nil {
		return err
	}
	return r.end(ctx, walk.last())
}

// few logs a full walk of Cloud that met fewer issues than the server counted for the plan and
// still counts. Cloud has no totals, and the count is an estimate, so this is not an error.
func (r *walkReader) few(ctx context.Context, w *walk) error {
	if r.at.Flavour != rest.Cloud || r.part.updates() || len(w.left) > 0 {
		return nil
	}
	met := 0
	for _, ids := range r.sent.sets() {
		met += len(ids)
	}
	lacks := func(counted int) bool { return counted > met && !rest.FewLack(met, counted) }
	if r.estimate <= 1 || !lacks(r.estimate) {
		return nil
	}
	counted, err := r.client.count(ctx, r.at, and(w.where, between(w.field, r.part.From, w.to)))
	if err != nil || !lacks(counted) {
		return err
	}
	sdk.Count(ctx, issuesStream+"/counted and not shown", int64(counted-met))
	sdk.Log(ctx).Warn("the server shows fewer issues than it counts: they are not there, or it holds them back",
		"counted", counted, "shown", met)
	return nil
}

// end saves the last cursor, if everything was read with the credentials.
func (r *walkReader) end(ctx context.Context, c cursor) error {
	if err := r.client.Stand(ctx); err != nil {
		return err
	}
	return r.save(c)
}

// emitChunk emits the records of some issues.
func (r *walkReader) emitChunk(c *chunk) error {
	if r.part.updates() || r.part.Again {
		if err := r.clear(c); err != nil {
			return err
		}
	}
	for _, it := range c.items {
		for _, j := range it.rejects {
			if err := r.out.Reject(j.Stream, j.Record, j.Reason); err != nil {
				return err
			}
		}
		if it.issue.id == "" {
			continue
		}
		if err := r.emit(it); err != nil {
			return err
		}
		r.sent.add(&it.issue)
		if id, ok := parseID(it.issue.id); ok {
			r.lacking.put(id, it.lacks)
			if it.vanished {
				r.vanished = append(r.vanished, id)
			}
		}
	}
	if c.save == nil {
		return nil
	}
	clear(r.met)
	return r.save(*c.save)
}

func (r *walkReader) save(c cursor) error {
	c.Met = r.sent.sets()
	r.vanished = idsOf(r.vanished)
	c.Vanished, c.Lacking = r.vanished, r.lacking
	return r.cursor(c)
}

// clear deletes the members of the issues' lists before the current members are written, so that
// removed members are deleted. Lists that may be incomplete stay. All deletions of a chunk come
// first, because a batch has one operation.
func (r *walkReader) clear(c *chunk) error {
	for _, stream := range losing(r.part.Streams) {
		for _, it := range c.items {
			if it.issue.id == "" || !it.knows(stream) {
				continue
			}
			if err := r.remove(stream, map[string]string{"issue_id": it.issue.id}); err != nil {
				return err
			}
		}
	}
	return nil
}

// knows reports whether the item has the whole list of a stream.
func (it *item) knows(stream string) bool {
	fields := func(name string) bool { return rest.Open(it.issue.fieldsRaw()).Has(name) }
	switch stream {
	case commentsStream:
		return it.whole.comments
	case worklogsStream:
		return it.whole.worklogs
	case attachmentsStream:
		return fields("attachment")
	case linksStream:
		return fields("issuelinks")
	}
	_, known := it.lists[stream]
	return known
}

// emit emits the records of an issue.
func (r *walkReader) emit(it *item) error {
	i := &it.issue
	comments, err := r.comments(it)
	if err != nil {
		return err
	}
	if r.wants(issuesStream) {
		whole := &record.Issue{
			Head: i.headAt(r.at), Fetched: i.fetched.UnixMilli(), Created: i.created, Updated: i.updated, JSON: i.raw,
			Fields: i.fieldsRaw(), Histories: i.histories.of(i.raw),
			Comments:    comments,
			CommentList: i.comments.known(it.whole.comments), HistoryList: i.histories.known(it.whole.changelog),
			WorklogList: i.worklogs.known(it.whole.worklogs),
		}
		if err := r.put(issuesStream, r.maker.Issue(whole, r.source.Content == "raw")); err != nil {
			return err
		}
	}
	if r.wants(commentsStream) {
		for n, c := range comments {
			if err := r.put(commentsStream, r.maker.Comment(i.headAt(r.at), c, n+1)); err != nil {
				return err
			}
		}
	}
	if err := r.emitParts(it); err != nil || !r.wants(usersStream) {
		return err
	}
	return r.meetUsers(it)
}

// comments parses the comments of an issue if a record contains them. A comment that cannot become
// a record is rejected.
func (r *walkReader) comments(it *item) ([]record.Comment, error) {
	var all []record.Comment
	if !r.wants(commentsStream) && (!r.wants(issuesStream) || r.source.Content == "raw") {
		return nil, nil
	}
	for _, raw := range rest.Elements(it.issue.comments.of(it.issue.raw)) {
		c := record.CommentOf(raw)
		if c.ID == "" {
			if err := r.out.Reject(commentsStream, shortened(raw),
				errors.New("comment without id").Error()); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, c)
	}
	return all, nil
}

// emitParts emits the records of an issue's parts other than its comments.
func (r *walkReader) emitParts(it *item) error {
	i, h := &it.issue, it.issue.headAt(r.at)
	fields := i.fieldsRaw()
	put := func(stream string) func([]byte) error {
		return func(line []byte) error { return r.put(stream, line) }
	}
	if r.wants(changelogStream) {
		for _, raw := range record.OldestFirst(rest.Elements(i.histories.of(i.raw))) {
			if err := r.maker.History(h, raw, put(changelogStream)); err != nil {
				return err
			}
		}
	}
	if r.wants(linksStream) {
		if err := r.maker.Links(h, fields, put(linksStream)); err != nil {
			return err
		}
	}
	for _, p := range it.properties {
		if err := r.put(propertiesStream, r.maker.Property(h, p.key, p.value)); err != nil {
			return err
		}
	}
	for _, list := range []struct {
		stream string
		raws   [][]byte
		make   func(record.Head, []byte) []byte
	}{
		{attachmentsStream, rest.Elements(rest.Open(fields).Raw("attachment")), func(h record.Head, raw []byte) []byte {
			return r.maker.Attachment(h, raw, it.files)
		}},
		{worklogsStream, rest.Elements(i.worklogs.of(i.raw)), r.maker.Worklog},
		{remoteLinksStream, it.lists[remoteLinksStream], r.maker.RemoteLink},
		{votesStream, it.lists[votesStream], r.maker.Person},
		{watchersStream, it.lists[watchersStream], r.maker.Person},
	} {
		if !r.wants(list.stream) {
			continue
		}
		for _, raw := range list.raws {
			if err := r.put(list.stream, list.make(h, raw)); err != nil {
				return err
			}
		}
	}
	return nil
}

// gone reports whether err says that an issue does not exist, or is no longer visible to this
// account. Data Center tells an anonymous caller to log in.
func (r *reader) gone(err error) bool {
	return rest.Gone(err) || !r.part.Account && rest.Status(err) == http.StatusUnauthorized
}

// signedIn reports whether the server still accepts the account, if the run is logged in: with an
// expired token, projects seem to be gone.
func (r *reader) signedIn(ctx context.Context) bool {
	if !r.part.Account {
		return true
	}
	who, err := r.source.myself(ctx, r.at.API())
	return err == nil && who != ""
}

// visible checks that the account sees any issue of the projects, whatever the filter. A token that
// expired gives an empty list instead of an error.
func (s *Source) visible(ctx context.Context, at rest.Site, projects []string) error {
	c := s.client(ctx)
	_, _, ok, err := c.first(ctx, at, inProjects(projects)+" ORDER BY created DESC")
	if unknownProject(err) {
		projects, ok, err = s.searchable(ctx, at, projects, err)
	}
	if ok || err != nil {
		return err
	}
	for _, key := range projects[:min(len(projects), 5)] { // some projects have no issues
		_, err := c.GetJSON(ctx, at.API()+"/project/"+url.PathEscape(key), nil, &project{})
		if err == nil {
			return nil
		}
		if !rest.Gone(err) && rest.Status(err) != http.StatusUnauthorized {
			return err
		}
	}
	if len(s.Projects) == 0 { // an expired token shows no project at all
		listed, err := s.projects(ctx, at)
		if err == nil && !slices.ContainsFunc(projects, func(p string) bool { return slices.Contains(listed, p) }) {
			return nil // they were deleted since the plan
		}
	}
	return sdk.Permanent(fmt.Errorf("the server shows nothing of %s to this account: it may not browse it, or its "+
		"token has expired (Jira then gives an empty list): check http.auth and projects", shortList(projects)))
}

// searchable returns those of some projects that a search knows, and whether one of them has an
// issue. If it knows none, and one of them is not even archived, why is the error.
func (s *Source) searchable(ctx context.Context, at rest.Site, projects []string, why error) (known []string, ok bool,
	err error) {
	for _, project := range projects {
		_, _, one, err := s.client(ctx).first(ctx, at, inProjects([]string{project})+" ORDER BY created DESC")
		switch {
		case one:
			return nil, true, nil
		case err == nil:
			known = append(known, project)
		case !unknownProject(err):
			return nil, false, err
		}
	}
	if len(known) == 0 && len(s.Projects) > 0 && !s.allKnown(ctx, at, projects) {
		return nil, false, why
	}
	if len(known) == 0 {
		known = projects
	}
	return known, false, nil
}

// shortList names some projects and counts the others.
func shortList(projects []string) string {
	const shown = 5
	if len(projects) <= shown {
		return strings.Join(projects, ", ")
	}
	return fmt.Sprintf("%s and %d more projects", strings.Join(projects[:shown], ", "), len(projects)-shown)
}
