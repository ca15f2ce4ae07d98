// Package parquet is a sink that writes Parquet files. How they come back to a token is told in
// package filesink: nothing can be appended to a Parquet file, so rows are kept in the private
// folder until a file of them is complete.
//
// A batch goes through it in three steps. Its records become cells, each with the column that its
// field has in the stream (record.go, kind.go). The stream's file is found: the one that it has, if
// that has all columns that the batch needs, and else a new one (table.go). The cells become rows
// of that file as the private folder keeps them (row.go). When the file is complete, the Parquet
// file is made of them (maker.go).
package parquet
