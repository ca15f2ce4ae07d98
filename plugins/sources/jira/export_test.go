// What the tests of this package see of its inside.

package jira

import "slices"

// ListStream reports whether a stream is a list of the site.
func ListStream(name string) bool {
	return slices.ContainsFunc(catalogue(), func(e entry) bool { return e.Name == name && e.kind == listKind })
}

// IssueStream reports whether a stream comes out of issues, or is the feed of their worklogs.
func IssueStream(name string) bool {
	return slices.ContainsFunc(catalogue(), func(e entry) bool {
		return e.Name == name && (e.kind == walkKind || e.kind == feedKind)
	})
}

// InFlavour reports whether a Jira of this flavour has a stream.
func InFlavour(name, flavour string) bool {
	return slices.ContainsFunc(catalogue(), func(e entry) bool { return e.Name == name && e.in(flavour) })
}
