// Package sdktest tests plugins: [TestSource], [TestTransform] and [TestSink] check what the
// contract in package sdk requires of each kind, in one process and across the wire. A plugin's own
// test is a few lines:
//
//	func TestSink(t *testing.T) {
//		sdktest.TestSink(t, jsonl.Plugin(), sdktest.SinkCase{Config: …, Read: …})
//	}
//
// [MemorySource] and [MemorySink] are a source and a sink that keep everything in memory: fakes
// that store, for tests of what is between a source and a sink.
package sdktest
