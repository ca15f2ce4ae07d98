// Output: records on their way to the host.

package jira

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

// output receives the records of a read.
type output struct {
	out   *sdk.Writer
	lines sdk.Builder // records on their way to out
	// sure reports whether everything emitted so far was read with the credentials.
	sure func() (bool, error)
}

// put emits a record. The decoder has already checked that it is JSON, so it bypasses the check of
// the Writer, which costs as much as everything else together.
func (o *output) put(stream string, line []byte) error {
	if len(line) >= sdk.MaxRecord || bytes.IndexByte(line, '\n') >= 0 {
		return o.out.EmitJSON(stream, line)
	}
	o.lines.AddLine(stream, sdk.Upsert, line)
	return o.send(o.lines.Full())
}

// remove emits a deletion of the records of a stream whose primary key begins with the fields of
// key.
func (o *output) remove(stream string, key any) error {
	raw, err := json.Marshal(key)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("%s: key: %w", stream, err))
	}
	o.lines.AddLine(stream, sdk.Delete, raw)
	return o.send(o.lines.Full())
}

// cursor saves that reading may continue from c: everything put before is delivered. If it is not
// certain that this was read with the credentials, no cursor is saved, and the next one covers it.
// The last cursor of a split requires certainty: see [rest.Client.Stand].
func (o *output) cursor(c any) error {
	if err := o.send(o.lines.Flush()); err != nil {
		return err
	}
	if ok, err := o.sure(); !ok {
		return err
	}
	return o.out.Cursor(c)
}

func (o *output) send(batches []sdk.Batch) error {
	for _, b := range batches {
		if err := o.out.Batch(b); err != nil {
			return err
		}
	}
	return nil
}

// shortened returns the beginning of something large that is rejected.
func shortened(raw []byte) []byte {
	const shown = 64 << 10
	if len(raw) >= sdk.MaxRecord {
		return raw[:shown]
	}
	return raw
}
