// Package sdktest proves plugins right: [TestSource], [TestTransform] and [TestSink] check what the
// contract in package sdk asks of each kind, in one process and across the wire. A plugin's own
// test is a few lines:
//
//	func TestSink(t *testing.T) {
//		sdktest.TestSink(t, jsonl.Plugin(), sdktest.SinkCase{Config: …, Read: …})
//	}
//
// [MemorySource] and [MemorySink] are a source and a sink that keep everything in memory: fakes
// that store, for whoever tests what stands between them.
package sdktest
