// Output: records on their way to the host.

package jira

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

// output is where a read puts its records.
type output struct {
	out   *sdk.Writer
	lines sdk.Builder // records on their way to out
	// sure reports whether what was put was read with the credentials.
	sure func() (bool, error)
}

// put emits a record. The decoder has found it to be JSON already, so it goes past the check of the
// Writer, which costs as much as all the rest.
func (o *output) put(stream string, line []byte) error {
	if len(line) >= sdk.MaxRecord || bytes.IndexByte(line, '\n') >= 0 {
		return o.out.EmitJSON(stream, line)
	}
	o.lines.AddLine(stream, sdk.Upsert, line)
	return o.send(o.lines.Full())
}

// remove says that the records of a stream are gone whose primary key begins with the fields of
// key.
func (o *output) remove(stream string, key any) error {
	raw, err := json.Marshal(key)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("%s: key: %w", stream, err))
	}
	o.lines.AddLine(stream, sdk.Delete, raw)
	return o.send(o.lines.Full())
}

// cursor says that reading may go on from c; everything put before is delivered. Where it is not
// sure that what was put was read with the credentials, nothing is said, and the next cursor stands
// for this one. Before the last one of a split that must be known: see [rest.Client.Stand].
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

// shortened keeps of something huge that is given up only the beginning.
func shortened(raw []byte) []byte {
	const shown = 64 << 10
	if len(raw) >= sdk.MaxRecord {
		return raw[:shown]
	}
	return raw
}
