// Mutants of the installation: each leaves out what an attack is stopped by.

package main

import "slices"

var mutants = slices.Concat(guarantees, walks, installation, fences)

const (
	install  = "core/internal/registry/install"
	config   = "core/internal/config"
	artifact = "core/internal/registry/artifact"
)

// installation is what keeps out whoever holds a registry, a network, or the disk.
var installation = []mutant{
	{name: "install: a tag was swapped", pkg: install, test: "TestSwappedTag",
		edits: []edit{{install + "/resolve.go", `order(before.Version) == 0 && c.After.Index != before.Index:`, `order(before.Version) == 0 && c.After.Index == "":`}}},
	{name: "install: a blob was tampered with", pkg: install, test: "TestTamperedBlob",
		edits: []edit{{artifact + "/exactly.go", `case e.sum.Digest() != e.want.Digest:`, `case e.sum.Digest() == "":`}}},
	{name: "install: the program is not the one that was signed", pkg: artifact, test: "TestUnpack",
		edits: []edit{{artifact + "/unpack.go", `if binary != t.Binary {`, `if binary == "" {`}}},
	{name: "install: the key has changed", pkg: install, test: "TestChangedKey",
		edits: []edit{{install + "/trust.go", `if !slices.Contains(one.keys, k) {`, `if !slices.Contains(one.keys, k) && k == "" {`}}},
	{name: "install: nobody signed it", pkg: install, test: "TestUnsignedAfterSigned",
		edits: []edit{{install + "/trust.go", `if !slices.Contains(one.keys, k) {`, `if !slices.Contains(one.keys, k) && k != "" {`}}},
	{name: "install: the signature is forged", pkg: artifact, test: "TestVerify",
		edits: []edit{{artifact + "/release.go", `s.Key.Verify(signed.Statement, signed.Signature); err != nil {`, `s.Key.Verify(signed.Statement, signed.Signature); err != nil && s.Key == "" {`}}},
	{name: "install: the statement is of another plugin", pkg: artifact, test: "TestVerify",
		edits: []edit{{artifact + "/release.go", `case name != "" && s.Source != name:`, `case name != "" && s.Source == "":`}}},
	{name: "install: an older version", pkg: install, test: "TestRollbackIsRefused",
		edits: []edit{{install + "/resolve.go", `v.Compare(before.Version) >= 0 || allowed.Exact(v) {`, `v.Compare(before.Version) >= 0 || !v.IsZero() {`}}},
	{name: "install: a path leads out of the archive", pkg: artifact, test: "TestArchivesThatAreRefused",
		edits: []edit{{artifact + "/archive.go", `case name != path.Base(name) || !program.MatchString(name):`, `case name != path.Base(name) && program.MatchString(name):`}}},
	{name: "install: a link in the archive", pkg: artifact, test: "TestArchivesThatAreRefused",
		edits: []edit{
			{artifact + "/archive.go", `case h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink:`, `case h.Typeflag == 0:`},
			{artifact + "/archive.go", `case h.Typeflag != tar.TypeReg || isSparse(h):`, `case isSparse(h):`},
		}},
	{name: "install: setuid in the archive", pkg: artifact, test: "TestArchivesThatAreRefused",
		edits: []edit{{artifact + "/archive.go", `case h.Mode&^0o777 != 0:`, `case h.Mode < 0:`}}},
	{name: "install: an archive unpacks to too much", pkg: artifact, test: "TestArchiveBombs",
		edits: []edit{{artifact + "/archive.go", `case h.Size < 0 || h.Size > e.left:`, `case h.Size < 0:`}}},
	{name: "install: a program for another platform", pkg: artifact, test: "TestWrongPlatform",
		edits: []edit{{artifact + "/program.go", `built != nil && !slices.Contains(built, p) {`, `built != nil && !slices.Contains(built, built[0]) {`}}},
	{name: "install: it says of itself what was not signed", pkg: install, test: "TestSaysOfItself",
		edits: []edit{{install + "/apply.go", `	return describesItself(info, c.statement.Manifest)`, `	_ = info
	return nil`}}},
	{name: "install: more is allowed than was granted", pkg: install, test: "TestPermissions",
		edits: []edit{{install + "/doc.go", `if !c.More.IsZero() || len(c.LooksLike) > 0 ||`, `if len(c.LooksLike) > 0 ||`}}},
	{name: "install: a permission moves the cursor of who is asked", pkg: "sdk", test: "TestPermissionsCheck",
		edits: []edit{{"sdk/permissions.go", `err := printable.Check(entry)`, `err := printable.Check("")`}}},
	{name: "install: a lock file that was cloned is the user's word", pkg: install, test: "TestClonedLockFile",
		edits: []edit{{install + "/doc.go", `len(c.LooksLike) > 0 || c.Unseen ||`, `len(c.LooksLike) > 0 ||`}}},
	{name: "install: what was never granted on this machine is in the lock file", pkg: install, test: "TestClonedLockFile",
		edits: []edit{{install + "/resolve.go", `c.After.Permissions.Minus(granted.Permissions), c.After`, `c.Before.Permissions.Minus(c.Before.Permissions), c.After`}}},
	{name: "install: a lock file gives a key where keys are to be given", pkg: install, test: "TestRequiredKeys",
		edits: []edit{{install + "/trust.go", `case p.mode == TrustRequire && !p.vouched:`, `case p.mode == TrustRequire && len(p.known) == 0:`}}},
	{name: "install: an update takes another setting for a path", pkg: install, test: "TestPathSettings",
		edits: []edit{{install + "/doc.go", `c.Action != Added && !c.MorePaths.IsZero()`, `c.Action == Added && !c.MorePaths.IsZero()`}}},
	{name: "install: a setting is a path that was not signed", pkg: install, test: "TestOtherPathsThanSigned",
		edits: []edit{{install + "/apply.go", `case !paths.Minus(m.Paths).IsZero() ||`, `case paths.Minus(m.Paths).IsZero() &&`}}},
	{name: "start: a setting gives the user's own folders away", pkg: config, test: "TestOwnPlaces",
		edits: []edit{{config + "/places_own.go", `if why := c.gives(p); why != "" {`, `if why := c.gives(sdk.Permissions{}); why != "" {`}}},
	{name: "start: a setting gives them away by a link", pkg: config, test: "TestOwnPlaces",
		edits: []edit{{config + "/places_own.go", `if followed, err := filepath.EvalSymlinks(at); err == nil {`, `if followed, err := filepath.Abs(at); err == nil {`}, {config + "/places_own.go", `err == nil && os.SameFile(info, otherInfo)`, `err == nil && os.SameFile(info, otherInfo) && path == other`}}},
	{name: "start: a setting is a path since the installation", pkg: config, test: "TestMorePathsThanInstalled",
		edits: []edit{{config + "/stages.go", `err == nil && !more.IsZero() {`, `err == nil && more.IsZero() && l == nil {`}}},
	{name: "start: the grant to paste is an expression", pkg: config, test: "TestGrantBlockIsQuoted",
		edits: []edit{{config + "/grants.go", `quoted[i] = hclfile.Quote(entry)`, `quoted[i] = strings.ReplaceAll(hclfile.Quote(entry), "$${", "${")`}}},
	{name: "start: a source sends what changes things", pkg: "core/internal/fetch", test: "TestMethods",
		edits: []edit{{"core/internal/fetch/allow/allow.go", `case !slices.Contains(p.Methods, m):`, `case !slices.Contains(p.Methods, all[0]):`}}},
	{name: "start: a source sends a POST that it does not mark", pkg: "core/internal/fetch", test: "TestMethods",
		edits: []edit{{"core/internal/fetch/allow/allow.go", `&& !hint.Idempotent(req):`, `&& !hint.Idempotent(req) && m == "":`}}},
	{name: "start: what a plugin says looks like a line of the host's", pkg: "sdk/rpc", test: "TestWhatIsSaidIsCleaned",
		edits: []edit{{"sdk/rpc/internal/text/text.go", `return printable.Line(Bounded(s))`, `return printable.Text(Bounded(s))`}}},
	{name: "start: what people read commands the terminal", pkg: "cmd/scrapekit/internal/show", test: "TestScreen",
		edits: []edit{{"cmd/scrapekit/internal/show/screen.go", `out.WriteString(printable.Text(part[len(parameters):]))`, `out.WriteString(part[len(parameters):])`}}},
	{name: "install: the lock file was edited", pkg: install, test: "TestLockFileWasEdited",
		edits: []edit{{install + "/resolve.go", `if c.Action == Kept && r.verifyStatement(before) != nil {`, `if c.Action == Fetched && r.verifyStatement(before) != nil {`}}},
	{name: "install: a name looks like another", pkg: install, test: "TestLooksLike",
		edits: []edit{{install + "/lookalike.go", `return short == knownShort || near(short, knownShort) || nearSpace(space, knownSpace)`, `return short == knownShort || nearSpace(space, knownSpace)`}}},
	{name: "install: a redirect leads away from HTTPS", pkg: install, test: "TestSearch",
		edits: []edit{{"core/internal/registry/remote/client.go", `case next.URL.Scheme != "https" && (`, `case next.URL.Scheme == "" && (`}}},
	{name: "start: the program was exchanged after its installation", pkg: "core/internal/pluginhost", test: "TestDigestOfTheProgram",
		edits: []edit{{"core/internal/pluginhost/program.go", `	if got := digestPrefix + hex.EncodeToString(h.Sum(nil)); got != strings.ToLower(want) {`, `	if got := digestPrefix + hex.EncodeToString(h.Sum(nil)); got == "" {`}}},
	{name: "start: a handshake names another's socket", pkg: "core/internal/pluginhost", test: "TestStartFailures",
		edits: []edit{{"core/internal/pluginhost/runner.go", `checkAddress(r.socketDir, network, address); err != nil {`, `checkAddress(r.socketDir, network, address); err != nil && network == "" {`}}},
}
