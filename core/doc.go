// Package core puts the parts of scrapekit together: a pipeline file becomes a run. It is the one
// place that knows all of them. Package core/plugins, which installs and tests plugins, and
// cmd/scrapekit stand above it.
//
// # The tour
//
// [Load] reads a pipeline file (internal/config) and asks each plugin for the schema of its
// settings. [Pipeline.Start] takes the pipeline's lock, opens its state (internal/checkpoint), its
// HTTP (internal/fetch) and the processes of its plugins (internal/pluginhost), and hands them to
// internal/pipeline, which knows none of these and does the work:
//
//	jira.hcl ── config ──► pipeline ── Plan ──► splits ──► Read ──► [batches … cursor] = one group
//	                                                                     │ one call stack
//	                                       transforms ◄──────────────────┘
//	                                           │
//	                                        sinks.Write            every few seconds, between groups:
//	                                                               sinks.Commit → tokens; seat.Commit(cursors + tokens)
//	plugin's http.Client ── gRPC ──► fetch: redact → record → allow-list → cache → robots → retry → auth → limits → wire
//	plugin's net.Conn ──── gRPC ──► dial: what is granted → where it leads → TCP
//
// What happens on the way is told to listeners (core/observe): the status, the report's
// counters, what is kept of crashes, and those of [RunOptions].
//
// # Decisions that are easy to undo by accident
//
//   - The host makes nothing of a payload: what is known of records, the plugins say with counters. It only looks, in one pass,
//     whether the lines of other people's plugins are JSON, for a line that is none makes a whole output unreadable. The
//     plugins that are part of it write through the sdk, which sees to that.
//   - Counters ride with the reply of the call that made them, not on the reverse stream: only so can they
//     be committed with the records that they speak of, and be exact after a kill. Counts made outside of a call go
//     over the reverse stream and are not exact.
//   - The estimate of a split is part of the split. A source that had to be asked again for each split would cost a
//     call, and a request, a split.
//   - What an earlier run knew comes back to the plan as the splits that it finished, with their last
//     cursors. So a source needs no second kind of state.
//   - Two JSON Schema libraries are linked, each for what the other cannot do. google/jsonschema-go
//     makes the schema of a Go struct, and the SDK checks settings with it, so that a plugin links one library;
//     its errors are texts and end at the first fault. santhosh-tekuri/jsonschema checks the pipeline
//     file: its errors are a tree of keywords and places, from which every fault gets its line and
//     its "did you mean".
//   - A socket file is removed as soon as the host is connected: a host that is killed leaves none behind.
package core
