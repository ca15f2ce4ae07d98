// Attach: stages whose plugins already run, for example in a debugger.

package core

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

// unattached names the plugins to attach that belong to no stage. Without the check, an author
// would wait for a breakpoint that is never reached.
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
