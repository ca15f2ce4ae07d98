// Package sqlsink delivers records to SQL databases: a table a stream, in one of six write modes. A
// plugin is its settings and a dialect: what differs between PostgreSQL, SQLite and MySQL.
//
// A run's way through it: New checks the settings, Open compares tables with streams, issues the
// DDL (schema.go), takes the tables for its seat and goes back to the token (state.go). Write turns
// records into rows (record.go) and loads them within a transaction (load.go). Commit adds the row
// of the state to that transaction, fenced by the epoch. Finish (finish.go) does what only a
// complete run may do.
package sqlsink
