// The plan: what a run would do, without doing it.

package sqlsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// PlanSink implements [sdk.SinkPlanner].
func (s *Sink) PlanSink(ctx context.Context, streams []sdk.Stream) (plan sdk.SinkPlan, err error) {
	s.ignored = map[string]bool{}
	if err := s.layouts(streams); err != nil {
		return plan, err
	}
	tables := s.inOrder()
	there, err := s.lookOnce(ctx)
	if err != nil {
		return plan, s.dialect.classed(err)
	}
	if plan.Statements, err = s.ddl(there); err != nil {
		return plan, err
	}
	for _, t := range tables {
		effect := effects[t.mode]
		if t.soft {
			effect += "; what is deleted is marked in " + deletedAtColumn
		}
		if s.ignored[t.stream] {
			effect = "it has no table, and new_streams is \"ignore\": its records are dropped"
		}
		plan.Effects = append(plan.Effects, fmt.Sprintf("%s → %s: %s", t.stream, s.dialect.table(t.name), effect))
	}
	plan.Effects = slices.Concat(plan.Effects, s.notes)
	if s.options.DDL == "off" && len(plan.Statements) > 0 {
		plan.Effects = append(plan.Effects,
			"ddl is \"off\": the run fails unless somebody issues the statements before it")
	}
	return plan, nil
}

// lookOnce looks at the database over a connection of its own.
func (s *Sink) lookOnce(ctx context.Context) (there found, err error) {
	if s.dialect.absent() {
		return nil, nil
	}
	db, err := s.dialect.open(ctx, s.dialer)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return s.look(ctx, db)
}

// effects are what modes leave.
var effects = map[Mode]string{
	Append:  "every record is kept, and rows that no token stands for are deleted",
	Upsert:  "the newest record of each key stays, and deletions remove it",
	Insert:  "the first record of each key stays as it is",
	History: "every version of a key is kept; a complete full run ends those that it has not seen",
	Replace: "a complete full run takes the place of the one before in one transaction",
	Mirror: "the newest record of each key stays; a complete full run removes keys that it has not seen, unless " +
		"records were rejected",
}

// effect is that of the settings, where streams are not known.
func (o Options) effect() string {
	switch {
	case o.Mode == "":
		return "a stream with a key has the newest record of each, another every record, exactly once"
	case o.Deletes == "soft":
		return strings.Replace(effects[o.Mode], "deletions remove it", "deletions mark it", 1)
	}
	return effects[o.Mode]
}
