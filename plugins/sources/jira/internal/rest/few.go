// Totals that are larger than what is shown.

package rest

// FewLack reports whether a list shows so little less than its total that this may stay so: one
// record, or one in a hundred. A list that comes of the search index of Data Center counts what is
// gone and what the index still names, and names it until it is built anew; it happens where an
// update of the index got lost, to single issues. More than that may as well be what a broken
// index, a node without its data or a proxy holds back, and what is held back must not pass for
// gone. The gap must be the same in a second look.
func FewLack(shown, total int) bool {
	return shown > 0 && total-shown <= max(1, total/100)
}
