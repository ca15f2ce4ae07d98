// Package pipeline runs one pipeline once: plan → splits → groups → transforms → sinks → commit. It knows
// no process, no gRPC and no file format: it is given stages that it can start, a store, and a place for
// dead letters.
//
// # Invariants
//
// Each is named again, as I1 to I5, at the line that keeps it.
//
//	I1  A group reaches every sink whole, or the run goes back to the last commit.
//	I2  A commit happens between groups: no group is half-way while tokens are taken.
//	I3  The store's transaction comes last: a sink is durable up to its token before the token and the
//	    cursors that belong to it are kept.
//	I4  After any failure of a transform, a sink or the store nothing more is committed; the next attempt
//	    opens every sink with the kept token.
//	I5  Counts and dead letters are kept in the same transaction as the records that they speak of.
//
// So whatever is killed at whatever instant, the records in a sink up to its token are exactly those up to
// the kept cursors, and what came later is taken away and read again.
package pipeline
