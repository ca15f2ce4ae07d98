// The mutants of the sandbox, and the rows of the probe that find them out.

package main

const sandbox = "core/internal/sandbox"

// probed is a mutant that the probe finds out, as root and as a user.
func probed(name string, edits ...edit) mutant {
	return mutant{name: "sandbox: " + name, edits: edits, pkg: "core/internal/pluginhost", test: "TestProbe",
		linux: true}
}

// fences are what "a plugin needs no trust" rests on.
var fences = []mutant{
	probed("a mode may have setuid",
		edit{sandbox + "/filter_linux.go", `const setID = unix.S_ISUID | unix.S_ISGID`, `const setID = 0`}),
	probed("modes of open files change where nothing is mounted to be read only",
		edit{sandbox + "/shim_linux.go", `change: writes && sealed`, `change: writes || sealed`}),
	probed("what is only to be read is mounted to be written",
		edit{sandbox + "/hide_linux.go", `unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_RDONLY}`,
			`unix.MOUNT_ATTR_NOSUID}`}),
	probed("the program's descriptor is of a mount to be written",
		edit{sandbox + "/hide_linux.go", ` && unix.Dup3(fd, o.Program, unix.O_CLOEXEC) == nil`, ``}),
	probed("a device is left by a rename",
		edit{sandbox + "/filter_linux.go", `without(4, unix.RENAME_WHITEOUT)`, `without(4, 0)`}),
	probed("any request of ioctl but the terminal's",
		edit{sandbox + "/filter_linux.go", `{unix.SYS_IOCTL, argIs(1, ioctls...)}`,
			`{unix.SYS_IOCTL, argIsNot(1, unix.TIOCSTI)}`}),
	probed("any command of fcntl but those of signals",
		edit{sandbox + "/filter_linux.go", `{unix.SYS_FCNTL, argIs(1, fcntls...)}`,
			`{unix.SYS_FCNTL, argIsNot(1, unix.F_SETOWN, unix.F_SETOWN_EX, unix.F_SETSIG)}`}),
	probed("memory grows downwards",
		edit{sandbox + "/filter_linux.go", `Val: unix.MAP_GROWSDOWN, SkipTrue: 2`, `Val: 0, SkipTrue: 2`}),
	probed("a plugin binds its sockets itself",
		edit{sandbox + "/command_linux.go", `o.Ask, cmd.ExtraFiles[0] = firstFD, theirs`, `_ = firstFD`}),
	probed("the threads of root have no bound",
		edit{sandbox + "/hide_linux.go", `err == nil && o.Bound {`, `err == nil && o.Bound && o.Level == "" {`}),
	probed("a plugin sees the processor time of others",
		edit{sandbox + "/filter_linux.go", `	const negative, thread = 1 << 31, 4`,
			`	const negative, thread = 0, 4`}),
	probed("memory that is only read is not looked at",
		edit{"core/internal/pluginhost/memory_linux.go", `		if held > p.memory {`,
			`		if held > p.memory && held == 0 {`}),
	{name: "a link out of the pipeline file's folder is a grant", pkg: "core/internal/config", test: "TestOwnPlaces",
		edits: []edit{{"core/internal/config/places_own.go", `		if strings.HasPrefix(path, l.dir+`,
			`		if path == "" && strings.HasPrefix(path, l.dir+`}}},
	{name: "secrets: a command prints without end", pkg: "core", test: "TestSecretsWithoutEnd",
		edits: []edit{{"core/secrets.go", `	if p.full != nil && p.kept.Len() == p.most {`,
			`	if p.full != nil && p.kept.Len() > p.most {`}}},
	{name: "secrets: what a plugin logs is not masked", pkg: "core/internal/pluginhost",
		test: "TestSecretsThatAPluginLogs",
		edits: []edit{{"core/internal/pluginhost/lines.go",
			`	return clip(h.of(printable.Printed(h.of(text))), limit)`, `	return clean(text, limit)`}}},
	{name: "secrets: half of one is not known", pkg: "core/internal/redact", test: "TestAlmostSecrets",
		edits: []edit{{"core/internal/redact/almost.go", `			if cut && isFragment(rest) {`,
			`			if cut && isFragment(rest) && rest == "…" {`}}},
	{name: "secrets: the stream of a dead letter is not masked", pkg: pipeline, test: "TestSecretsInNamesAreHidden",
		edits: []edit{{pipeline + "/push.go", `Stream: hide(r.Stream)`, `Stream: r.Stream`}}},
	{name: "secrets: a preview shows the stream that is named by one", pkg: "core",
		test: "TestStreamNamedByASecretIsNotShown",
		edits: []edit{{"core/plan.go", `, Hide: p.redact.String,
	})`, `,
	})`}}},
	{name: "a split's id has no bound", pkg: "sdk/rpc", test: "TestWhatIsSaidIsBounded",
		edits: []edit{{"sdk/source.go", `	case len(s.ID) > maxName || len`, `	case len(s.ID) < 0 || len`}}},
	{name: "state: a folder of somebody else's is used", pkg: "core", test: "TestStateFolderOfAnother", linux: true,
		edits: []edit{{"core/lock.go", `	err := disk.Ours(dir)
`, `	var err error
`}}},
	{name: "state: links in its folder are followed", pkg: "core", test: "TestStateFollowsNoLink",
		edits: []edit{{"core/lock.go", `err = disk.Replace(home.Holder(), raw, false)`,
			`err = os.WriteFile(home.Holder(), raw, 0o600)`}}},
}
