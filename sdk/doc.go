// Package sdk is what a plugin author needs: the contract between the host and a plugin, and the
// values that travel over it. A plugin implements [Source], [Transform] or [Sink], says so with
// [SourcePlugin], [TransformPlugin] or [SinkPlugin], and is served by sdk/serve:
//
//	func main() { serve.Main(jira.Plugin()) }
//
// The host owns HTTP, credentials, rate limits, retries, checkpoints and scheduling. A plugin reaches
// it through the context of a call: [HTTPClient], [Log], [Count].
//
// # The path of a record
//
// A source emits records; the SDK packs them into batches. Between batches the source emits cursors:
// what lies between two cursors is a group, which reaches every sink whole or not at all. A commit
// makes everything delivered so far durable, cursors and sink tokens in one transaction. After a crash
// every sink is brought back to its last token and every split is read again from its last cursor. So:
//
//   - reading from a cursor must give the records after it, and no record before it;
//   - a sink must be able to return to any token, exactly.
//
// # Words
//
// A stream is a named kind of record. A split is a part of the work that can be read alone. A cursor
// says where in a split reading goes on. A token says up to where a sink is durable.
package sdk
