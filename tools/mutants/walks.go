// Mutants of the walks of the source for Jira: each leaves out what proves that a list which changes was met whole.

package main

const jira = "plugins/sources/jira"

// walk is a mutant of a walk.
func walk(name, test string, edits ...edit) mutant {
	return mutant{name: "jira: " + name, edits: edits, pkg: jira, test: test}
}

var walks = []mutant{
	walk("any page joins the one before it", "TestList.*MovesUp",
		edit{jira + "/advance.go", `		return d.met[first.id]`, `		return true`}),
	walk("a pass of pages that cannot be joined is believed", "TestList.*MovesUp",
		edit{jira + "/advance.go", `	case anchor > w.anchor && d.gapped:`, `	case anchor > w.anchor && d.gapped && w.warned:`},
		edit{jira + "/advance.go", `	case !w.depth.gapped && w.ends(q, p):`, `	case w.ends(q, p):`}),
	walk("what a roll call names need not have been met", "TestList.*MovesUp",
		edit{jira + "/rollcall.go", `			missing++`, `			_ = id`}),
	walk("a roll call is whole at once", "TestAnswersThatFlap",
		edit{jira + "/rollcall.go", `f.rolls > 0 && maps.Equal(named, f.before)`, `len(f.before) < len(named)+len(met)+1`}),
	walk("what is owed is read together with the rest", "TestIndexThatCatchesUp",
		edit{jira + "/advance.go", `func (w *walk) owes() bool { return !w.reader.part.updates() || w.to != 0 }`, `func (w *walk) owes() bool { return !w.reader.part.updates() }`}),
	walk("a page with holes is believed", "TestIssueThatAPageLeavesOut",
		edit{jira + "/advance.go", `p.holed(q) && !w.proof.calling`, `p.holed(q) && w.proof.calling`}),
	walk("a list ends though its total says more", "TestListThatIsCut",
		edit{jira + "/advance.go", `	return p.total <= q.startAt+p.count
`, `	return p.total <= q.startAt+p.count || q.startAt > 0
`}),
	walk("the header Date tells when a version is final", "TestTwoEditsWithinOneSecond",
		edit{jira + "/walk.go", `		if sure := at.Now.Add(w.asked.Sub(at.Asked)); sure.Before(replied) {`, `		if sure := at.Now.Add(w.asked.Sub(at.Asked)); sure.IsZero() {`}),
}
