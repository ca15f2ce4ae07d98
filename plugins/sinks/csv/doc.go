// Package csv is a sink that writes CSV files (RFC 4180): plain, gzip or zstd, one or many a
// stream. How they come back to a token is told in package filesink.
//
// A batch goes through it in three steps. Its records become cells, each with the column that its
// field has in the stream (record.go). The stream's file is found: the one that it has, if that has
// all columns that the batch needs, and else a new one (table.go). The cells become rows of that
// file (row.go).
package csv
