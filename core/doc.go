// Package core assembles scrapekit: it turns a pipeline file into a run. It is the only package
// that imports all parts. Package core/plugins, which installs and tests plugins, and cmd/scrapekit
// build on it.
//
// # The tour
//
// [Load] reads a pipeline file (internal/config) and asks each plugin for the schema of its
// settings. [Pipeline.Start] takes the pipeline's lock, opens its state (internal/checkpoint), its
// HTTP client (internal/fetch) and the processes of its plugins (internal/pluginhost). It passes
// them to internal/pipeline, which does the work and knows none of these packages:
//
//	jira.hcl ── config ──► pipeline ── Plan ──► splits ──► Read ──► [batches … cursor] = one group
//	                                                                     │ one call stack
//	                                       transforms ◄──────────────────┘
//	                                           │
//	                                        sinks.Write
//	                                           │ every few seconds, between groups
//	                                        sinks.Commit → tokens
//	                                        seat.Commit(cursors + tokens)
//
//	plugin's http.Client ── gRPC ──► fetch: redact → record → allow-list → cache → robots
//	                                        → retry → auth → limits → wire
//	plugin's net.Conn ──── gRPC ──► dial: grants → resolved address → TCP
//
// Everything that happens in a run is an event (core/observe). The listeners are the status,
// the counters of the report, the keeper of crashes, and those of [RunOptions].
//
// # Decisions that are easy to undo by accident
//
//   - The host does not interpret payloads. Plugins report what they know of records as counters.
//     The host only checks, in one pass, that each line of a third-party plugin is JSON, because
//     one invalid line makes a whole output file unreadable. First-party plugins write through
//     the sdk, which guarantees it.
//   - Counters travel in the reply of the call that made them, not on the reverse stream. Only
//     then can they be committed together with their records and be exact after a kill. Counts
//     made outside of a call use the reverse stream and are not exact.
//   - The estimate of a split is part of the split. Asking the source for it later would cost a
//     call, and a request, for each split.
//   - The plan receives the finished splits of earlier runs with their last cursors, so a source
//     needs no second kind of state.
//   - Two JSON Schema libraries are linked, because neither can do the work of the other.
//     google/jsonschema-go makes the schema of a Go struct, and the SDK validates settings with
//     it, so that a plugin links one library; its errors are texts and end at the first fault.
//     santhosh-tekuri/jsonschema validates the pipeline file: its errors are a tree of keywords
//     and places, from which every fault gets its line and its "did you mean".
//     TestWhyTwoSchemaLibraries in core/internal/config fails when one of them suffices.
//   - A socket file is removed as soon as the host is connected, so a killed host leaves none
//     behind.
package core
