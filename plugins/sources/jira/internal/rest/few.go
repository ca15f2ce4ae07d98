// Totals that are larger than what is shown.

package rest

// FewLack reports whether a list shows so little less than its total that this may be permanent:
// one record, or one in a hundred. A list from Data Center's search index counts what was deleted
// but is still in the index, until it is rebuilt; this happens to single issues if an update of the
// index is lost. A larger gap may be records that a broken index, a node without data or a proxy
// holds back, which must not count as deleted. The gap must be the same in a second read.
func FewLack(shown, total int) bool {
	return shown > 0 && total-shown <= max(1, total/100)
}
