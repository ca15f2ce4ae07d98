// Attach: stages whose plugins run already.

package core

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

// unattached says which of the plugins to attach is in no stage, so that nobody waits for a
// breakpoint in vain.
func unattached(c *config.Pipeline, attach map[string]string) error {
	var names []string
	for _, b := range slices.Concat([]config.Block{c.Source}, c.Transforms, c.Sinks) {
		names = append(names, b.Name)
	}
	for name := range attach {
		if !slices.Contains(names, name) {
			return fmt.Errorf("--attach %s: the file has no stage of that name; there are %s", name,
				strings.Join(names, ", "))
		}
	}
	return nil
}
