// Mutants of the walks of the source for Jira: each leaves out what proves that a list which
// changes was met whole.

package main

const jira = "plugins/sources/jira"

// walk is a mutant of a walk.
func walk(name, test string, edits ...edit) mutant {
	return mutant{name: "jira: " + name, edits: edits, pkg: jira, test: test}
}

var walks = []mutant{
	walk("any page joins the one before it", "TestListOfAFullWalkThatMovesUpBetweenPages",
		edit{jira + "/advance.go", `		return d.met[first.id]`, `		return true`}),
	walk("a pass of pages that cannot be joined is believed", "TestListThatMovesUpBetweenPages",
		edit{jira + "/advance.go", `w.anchor && d.gapped:`, `w.anchor && d.gapped && w.warned:`},
		edit{jira + "/advance.go", `	case !w.depth.gapped && w.ends(q, p):`, `	case w.ends(q, p):`}),
	walk("what a roll call names need not have been met", "TestListThatMovesUpBetweenPages",
		edit{jira + "/rollcall.go", `			missing++`, `			_ = id`}),
	walk("a roll call is whole at once", "TestAnswersThatFlap",
		edit{jira + "/rollcall.go", `maps.Equal(named, f.before)`, `(maps.Equal(named, f.before) || len(named) > 0)`}),
	walk("what is owed is read together with the rest", "TestIndexThatCatchesUpBetweenPages",
		edit{jira + "/advance.go", `	w.to = w.movable
`, `	w.to = w.movable + 1<<40
`}),
	walk("a page with holes is believed", "TestIssueThatAPageLeavesOut",
		edit{jira + "/advance.go", `p.holed(q) && !w.proof.calling`, `p.holed(q) && w.proof.calling`}),
	walk("a list ends though its total says more", "TestListThatIsCut",
		edit{jira + "/advance.go", `	return p.total <= q.startAt+p.count
`, `	return p.total <= q.startAt+p.count || q.startAt > 0
`}, edit{jira + "/advance.go", `p.holed(q) && !w.proof.calling`, `p.holed(q) && w.proof.calling`}),
	walk("the header Date tells when a version is final", "TestTwoEditsWithinOneSecondOfOtherClocks",
		edit{jira + "/walk.go", `; sure.Before(replied) {`, `; sure.IsZero() {`}),
}
