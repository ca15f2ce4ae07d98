// Themes: the words of the invented software that synthetic projects are about.

package prose

// A Theme is one invented program.
type Theme struct {
	Name, About, pkg           string
	Components                 []string
	classes, methods, settings []string
	things, events, actions    []string
}

// Themes returns all of them.
func Themes() []Theme {
	return []Theme{{
		Name: "Ferrule", About: "Ferrule is a distributed log for small clusters.", pkg: "org.example.ferrule",
		Components: []string{"broker", "clients", "controller", "replication", "docs", "tools"},
		classes: []string{"PartitionLeader", "SegmentIndex", "FetchSession", "OffsetJournal", "QuorumVoter",
			"ProducerLedger", "RequestChannel"},
		methods: []string{"appendBatch", "truncateTo", "maybeElect", "completeFetch", "rollSegment",
			"fenceProducer"},
		settings: []string{"segment.roll.ms", "fetch.max.wait.ms", "replica.lag.limit", "quorum.election.timeout",
			"producer.linger.ms"},
		things: []string{"the partition leader", "a follower replica", "the offset index", "the consumer group",
			"the controller quorum", "an idempotent producer"},
		events: []string{"a rolling restart", "a controller failover", "log compaction", "a rebalance",
			"an unclean shutdown", "a disk that fills up"},
		actions: []string{"drops the last batch", "spins in a busy loop", "reports a stale high watermark",
			"never completes the fetch", "leaks a file handle", "elects two leaders"},
	}, {
		Name: "Quillstore", About: "Quillstore keeps tables in columns on object storage.", pkg: "org.example.quill",
		Components: []string{"planner", "executor", "catalog", "file format", "sql", "python"},
		classes: []string{"ColumnChunkReader", "PredicatePushdown", "SnapshotCatalog", "ShuffleWriter",
			"DictionaryEncoder", "HashAggregate", "ManifestCache"},
		methods: []string{"readPage", "pruneColumns", "commitSnapshot", "spillToDisk", "mergeRuns", "resolveAlias"},
		settings: []string{"scan.batch.rows", "shuffle.spill.threshold", "catalog.cache.ttl",
			"writer.dictionary.limit", "planner.join.reorder"},
		things: []string{"the vectorised reader", "a nested struct column", "the snapshot log", "a broadcast join",
			"the statistics page", "a decimal column"},
		events: []string{"a concurrent commit", "schema evolution", "a spill to disk", "a skewed join key",
			"an empty partition", "a daylight saving change"},
		actions: []string{"returns duplicate rows", "reads past the end of the page", "picks the wrong join side",
			"ignores the predicate", "runs out of memory", "loses the time zone"},
	}, {
		Name: "Tarn", About: "Tarn processes streams of events with exactly-once state.", pkg: "org.example.tarn",
		Components: []string{"runtime", "state", "checkpointing", "connectors", "web ui", "build"},
		classes: []string{"BarrierAligner", "KeyedBackend", "TimerQueue", "JobSupervisor", "WatermarkGauge",
			"OperatorChain", "SplitEnumerator"},
		methods: []string{"triggerCheckpoint", "restoreState", "advanceWatermark", "registerTimer", "cancelTask",
			"assignSplits"},
		settings: []string{"checkpoint.interval", "state.backend.dir", "task.cancel.timeout", "network.buffer.share",
			"restart.backoff.max"},
		things: []string{"the keyed state backend", "an aligned barrier", "the timer queue", "a side output",
			"the job supervisor", "a session window"},
		events: []string{"a failed checkpoint", "a rescale to fewer tasks", "late events", "back pressure",
			"a savepoint restore", "a lost heartbeat"},
		actions: []string{"fires the timer twice", "holds the watermark back for ever", "restores an older value",
			"blocks the mailbox thread", "forgets the pending split", "throws away late events"},
	}, {
		Name: "Bracken", About: "Bracken builds large source trees, incrementally and remotely.",
		pkg:        "org.example.bracken",
		Components: []string{"core", "remote cache", "java rules", "cli", "ide plugin", "docs"},
		classes: []string{"ActionGraph", "CasUploader", "GlobEvaluator", "SandboxRunner", "LockfileParser",
			"DigestMemo", "TestSharder"},
		methods: []string{"computeDigest", "expandGlob", "uploadMissing", "mountInputs", "resolveVersion",
			"shardTests"},
		settings: []string{"remote.max.connections", "sandbox.tmpfs.size", "lockfile.mode", "test.shard.count",
			"digest.function"},
		things: []string{"the action cache", "a symlinked input", "the lock file", "a sharded test",
			"the remote executor", "an empty directory"},
		events: []string{"a cache eviction", "an interrupted build", "a case-insensitive file system",
			"a changed toolchain", "a proxy that cuts connections", "a clock that jumps"},
		actions: []string{"rebuilds everything", "uploads the same blob again and again", "misses a changed header",
			"leaves the sandbox mounted", "reports success for a failed test", "hangs at 99 percent"},
	}}
}
