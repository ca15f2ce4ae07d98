// What the tests of this package see of its inside.

package jira

import "slices"

// ListStream reports whether a stream is a list of the site.
func ListStream(name string) bool {
	return slices.ContainsFunc(catalogue(), func(e entry) bool { return e.Name == name && e.kind == listKind })
}
