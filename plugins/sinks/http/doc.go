// Package httpsink is a sink that sends batches of records to an HTTP endpoint: JSON, the bulk API
// of Elasticsearch and OpenSearch, inserts of ClickHouse, webhooks. A batch waits in an outbox (see
// sdk/outbox) until the host has kept its commit, and then goes out under a key that never changes.
//
// plugin.go has the settings, sink.go the batches, form.go the bodies, send.go what is made of the
// replies.
package httpsink
