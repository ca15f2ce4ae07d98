// Package jsonl is a sink that writes JSON Lines files: plain, gzip or zstd, one or many a stream.
// How they come back to a token is told in package filesink.
package jsonl
