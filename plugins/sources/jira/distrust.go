// Distrust of delivered versions, because a sink may hold another version.

package jira

import "slices"

// distrust drops the marks of issues that vanished while they were read, that two splits of one run
// delivered, or that a census deleted. Splits end in any order, so the sink may have received an
// older version after a newer one, or a deletion after a version. Such an issue is delivered again.
func (r *run) distrust(walks []walkDone) error {
	last, err := censuses(r.every)
	if err != nil {
		return err
	}
	for n := range walks {
		w := &walks[n]
		w.recent = slices.DeleteFunc(w.recent, func(m mark) bool {
			id, ok := parseID(m.ID)
			return ok && (w.vanished.has(id) || deletedBy(last, id) || deliveredTwice(id, *w, walks, last))
		})
	}
	return nil
}

func deletedBy(last map[string]censusDone, id uint64) bool {
	for _, c := range last {
		if c.state.Gone.has(id) {
			return true
		}
	}
	return false
}

// deliveredTwice reports whether another split of the same run delivered the issue.
func deliveredTwice(id uint64, w walkDone, walks []walkDone, last map[string]censusDone) bool {
	for _, other := range walks {
		if other.id != w.id && other.Run == w.Run && metBy(other.met, id) {
			return true
		}
	}
	for _, c := range last {
		if c.run == w.Run && metBy(c.met, id) {
			return true
		}
	}
	return false
}

func metBy(met map[string]idSet, id uint64) bool {
	for _, ids := range met {
		if ids.has(id) {
			return true
		}
	}
	return false
}
