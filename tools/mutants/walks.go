// Mutants of the walks of the source for Jira: each leaves out what proves that a list which
// changes was met whole.

package main

const jira = "plugins/sources/jira"

// jiraLists is the lists of a site.
const jiraLists = jira + "/internal/lists"

// listed is a mutant of the lists of a site.
func listed(name, test string, edits ...edit) mutant {
	return mutant{name: "jira: " + name, edits: edits, pkg: jiraLists, test: test}
}

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
	walk("what a verification names need not have been met", "TestListThatMovesUpBetweenPages",
		edit{jira + "/verify.go", `			missing++`, `			_ = id`}),
	walk("a verification is whole at once", "TestAnswersThatFlap",
		edit{jira + "/verify.go", `f.rolls > 0 && maps.Equal(named, f.before)`,
			`f.rolls > 0 && (maps.Equal(named, f.before) || len(named) > 0)`}),
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
	walk("an index that lacks many issues is believed", "TestIssuesThatAreCountedAndNotShown",
		edit{jira + "/internal/rest/few.go", `total-shown <= max(1, total/100)`, `total > 0`}),
	walk("a gap is believed at the first look", "TestIssueThatIsShownAtTheSecondLook",
		edit{jira + "/verify.go", `	case dataCenter && steady && rest.FewLack(`,
			`	case dataCenter && rest.FewLack(`}),
	walk("totals are not held against each other", "TestIssuesThatAreCountedAndNotShown",
		edit{jira + "/balance.go", `	if s.Total <= met+p.total {`, `	if s.Total >= 0 {`}),
	walk("a verification of the end proves all", "TestIssuesThatAreCountedAndNotShown",
		edit{jira + "/verify.go", `	if w.stretch.Base >= w.anchor {`, `	if w.stretch.Base >= 0 {`}),
	walk("what was read without the login is whole", "TestCredentialsThatDieInTheMiddle",
		edit{jira + "/internal/rest/vouch.go", `	case !account || strings`,
			`	case !account || who == "" || strings`}),
	walk("a cursor goes behind what was read without the login", "TestCredentialsThatDieInTheMiddle",
		edit{jira + "/output.go", `	if ok, err := o.sure(); !ok {`,
			`	if ok, err := o.sure(); !ok && err != nil {`}),
	walk("a list of an issue that is short is whole", "TestListsOfIssuesThatAreShort",
		edit{jira + "/complete.go", `	if len(r.part.Lacking) == 0 {`, `	if len(r.part.Lacking) < 0 {`}),
	walk("worklogs that the feed names need not come", "TestWorklogsThatAreNamedAndDoNotCome",
		edit{jira + "/worklogfeed.go", `	if came == 0 && len(named) > mostHidden {`,
			`	if came < 0 && len(named) > mostHidden {`}),
	walk("a count of Cloud is not looked at", "TestCloudThatCountsMoreThanItShows",
		edit{jira + "/read.go", `	if r.estimate <= 1 || `, `	if r.estimate >= 0 || `}),
	walk("the header Date tells when a version is final", "TestTwoEditsWithinOneSecondOfOtherClocks",
		edit{jira + "/walk.go", `; sure.Before(replied) {`, `; sure.IsZero() {`}),
	listed("an empty page ends a list against its total", "TestListThatEndsBeforeItsEnd",
		edit{jiraLists + "/list.go", `	case short && e.pages != whole && `, `	case short && came < 0 && `}),
	listed("an empty page ends a list that says to go on", "TestListThatEndsBeforeItsEnd",
		edit{jiraLists + "/list.go", `	case p.more:
`, `	case p.more && short:
`}),
	listed("a list that lacks a few deletes", "TestListThatLacksAFewOfItsTotal",
		edit{jiraLists + "/list.go", `r.at.Cut || short || e.cut`, `r.at.Cut || e.cut`}),
	listed("the log goes on behind what was not read", "TestAuditRecordsThatEndBeforeTheirEnd",
		edit{jiraLists + "/read.go", `len(r.at.Recent) == 0 || r.at.Why != "" || r.at.Cut {`,
			`len(r.at.Recent) == 0 {`}),
}
