// Transform: a batch of issues in, batches of records out.

package llm

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/scrapekit/scrapekit/sdk"
)

// output collects the records.
type output struct{ sdk.Builder }

func (o *output) add(stream string, v any) error {
	line, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("%s: record: %w", stream, err)
	}
	o.AddLine(stream, sdk.Upsert, line)
	return nil
}

// Transform makes the records of a batch of issues. It returns batches of other streams unchanged.
// It has no state, so it may be called concurrently.
func (t *transform) Transform(ctx context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	form := t.formOf(b.Stream)
	if form == other {
		return []sdk.Batch{b}, nil
	}
	var out output
	counts := tally{}
	err := b.Each(func(line []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		one := t.upsert
		if b.Op == sdk.Delete {
			one = t.remove
		}
		if err := one(form, line, counts, &out); err != nil {
			return sdk.Reject{Reason: err.Error()}
		}
		return nil
	})
	counts.report(ctx)
	return out.Flush(), err
}

// upsert makes all records of an issue or document.
func (t *transform) upsert(form form, line []byte, counts tally, out *output) error {
	if form == documents {
		doc, err := readDocument(line)
		if err != nil {
			return err
		}
		counts.add("documents/read", 1)
		return t.newWork(doc, counts.add, out).pretrain()
	}
	is, err := readIssue(line)
	if err != nil {
		return err
	}
	w := t.newWork(is, counts.add, out)
	w.statistics()
	for _, task := range []struct {
		wanted bool
		make   func() error
	}{
		{t.Pretrain, w.pretrain},
		{t.wants(taskSummarization), w.summarize},
		{t.wants(taskClassification), w.classify},
		{t.wants(taskAnswering), w.answer},
	} {
		if !task.wanted {
			continue
		}
		if err := task.make(); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes all records that an issue or document has ever given, with any settings.
func (t *transform) remove(form form, line []byte, counts tally, out *output) error {
	var key struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(line, &key); err != nil {
		return fmt.Errorf("invalid JSON: %w", err)
	}
	if key.ID == "" {
		return fmt.Errorf("invalid key: it has no id")
	}
	counts.add(form.String()+"/deleted", 1)
	if t.Pretrain {
		if err := out.remove(pretrainStream, key.ID); err != nil {
			return err
		}
	}
	if form == documents || len(t.Tasks) == 0 {
		return nil
	}
	return out.remove(t.Format, key.ID)
}

func (o *output) remove(stream, issue string) error {
	line, err := json.Marshal(struct {
		IssueID string `json:"issue_id"`
	}{issue})
	if err != nil {
		return fmt.Errorf("%s: key: %w", stream, err)
	}
	o.AddLine(stream, sdk.Delete, line)
	return nil
}
