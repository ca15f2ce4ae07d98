// Package sdk is what a plugin author needs: the contract between the host and a plugin, and the
// values that travel over it. A plugin implements [Source], [Transform] or [Sink], says so with
// [SourcePlugin], [TransformPlugin] or [SinkPlugin], and is served by sdk/serve:
//
//	func main() { serve.Main(jira.Plugin()) }
//
// The host owns HTTP, credentials, rate limits, retries, checkpoints and scheduling. A plugin
// reaches it through the context of a call: [HTTPClient], [Keep], [Dial], [Log], [Count]. Package
// sdk/pages reads lists that come page by page; package sdk/reply says which replies are failures.
//
// # Where to begin
//
// `scrapekit plugins new source NAME` writes a repository that builds and passes its tests, and the
// folder examples/tutorial leads from there to a plugin that others install. The examples of
// [Source], [Transform] and [Sink] are a whole plugin each.
//
// Of a source an author writes
//
//   - a struct, whose fields are the settings: their tags say what a pipeline file may set;
//   - Streams: which kinds of record there are;
//   - Plan: which parts of the work can be read alone ([Plan.Splits] makes one of each stream);
//   - Read: requests ([GetJSON], or any library with the [HTTPClient]), records ([Writer.Emit],
//     [Writer.EmitJSON]) and, between pages, a cursor ([Writer.Cursor], [CursorOf]).
//
// A transform has one method, a sink two, and a sink that can come back to a commit, as it should,
// a third: [Opener]. One that does something at the end of a run has a fourth: [Finisher].
//
// An error is temporary, and the host tries again, unless it is marked by [Permanent]. What cannot
// be delivered alone is rejected alone: [Writer.Reject] in a source, a [Reject] of [Batch.Each] in
// a transform or a sink.
//
// Whether all that is right is told by package sdktest under go test, and by `scrapekit plugins
// test` for plugins in any language.
//
// # Settings
//
// The settings of a plugin are a struct. Each exported field is one, named by its json tag. Further
// tags:
//
//	doc:"…"            what it is for; one sentence or more
//	default:"…"        JSON, or a bare string; for a setting that is not given
//	required:"true"    must be given
//	sensitive:"true"   never printed
//	host:"true"        a URL whose host the plugin may reach
//	path:"read"        a path; the plugin gets it absolute, and may read what is there
//	path:"write"       a path; the plugin may write in its folder
//	path:"true"        path:"write" for a sink's required path, else path:"read"
//	dial:"true"        an address, host:port, a URL or the path of a Unix socket, to which the plugin may connect
//	enum:"a,b,c"       the only values
//	min:"1" max:"100"  bounds of a number
//	example:"…"        for the reference
//
// Fields may be strings, booleans, numbers, [Duration], slices, maps with string keys, and structs
// of these. A plugin with anything else panics when it starts.
//
// # The path of a record
//
// A source emits records; the SDK packs them into batches. Between batches the source emits
// cursors: what lies between two cursors is a group, which reaches every sink whole or not at all.
// A commit makes everything delivered so far durable, cursors and sink tokens in one transaction.
// After a crash every sink is brought back to its last token and every split is read again from its
// last cursor. So:
//
//   - reading from a cursor must give the records after it, and no record before it;
//   - a sink must be able to return to any token, exactly.
//
// # What is API and what is not
//
// Stable, and changed by addition alone within a major version: the exported names of sdk,
// sdk/serve, sdk/pages, sdk/reply, sdk/sdktest and sdk/conformance; the tags of settings; the proto
// files of scrapekit.plugin.v1 and the handshake. Interfaces here do not get methods: what a plugin
// can do beyond them is an interface of its own, which it may implement. A struct may get fields,
// so name the fields of those that you fill in. A plugin that was built against an earlier version
// of the protocol runs under a later host of the same protocol number, and a later plugin under an
// earlier host as far as that host knows what the plugin uses.
//
// Not API: sdk/host and what is below it, which is what the host calls of the contract; sdk/rpc and
// what is below it, which is the wire between the SDK and the host; everything under core and cmd;
// the texts of errors and log lines; the names and the number of conformance checks, of which more
// may come.
//
// # Words
//
// A stream is a named kind of record. A split is a part of the work that can be read alone. A
// cursor says where in a split reading goes on. A token says up to where a sink is durable.
package sdk
