package sdktest

import (
	"github.com/scrapekit/scrapekit/sdk"
)

// counted is an sdk.Output that counts records.
type counted struct{ records int }

func (c *counted) Batch(b sdk.Batch) error {
	c.records += b.Count
	return nil
}
func (c *counted) Cursor([]byte) error     { return nil }
func (c *counted) Split(sdk.Split) error   { return nil }
func (c *counted) Reject(sdk.Reject) error { return nil }
