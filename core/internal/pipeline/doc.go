// Package pipeline runs one pipeline once: plan → splits → groups → transforms → sinks → commit. It
// knows no process, no gRPC and no file format: it is given stages that it can start, a store, and
// a place for dead letters.
//
// # Who does what
//
// A run has one coordinator ([Pipeline.Run]): it begins the run, plans it and ends it. The work is
// done on seats. A seat has stages of its own, tokens for them and dead letters; whoever sits there
// claims splits, reads and delivers them, and commits. The coordinator sits on one, and on one
// machine that is all there is; other processes may take part ([Pipeline.Work]). The store is all
// that they have in common.
//
// A holder that dies leaves a seat that is not settled: a sink may hold what was never committed.
// Another joins the seat when its lease has run out, opens the stages with the seat's tokens, and
// goes on.
//
// From the top down, and a file calls those below it: coordinator, worker, plan, read, deliver,
// push, queue, open, seat, live, retry, config, progress, stage; then what groups are made of, and
// counts.
//
// # Invariants
//
// Each is named again, as I1 to I6, at the line that keeps it.
//
//	I1  A group reaches every sink of its seat whole, or the seat goes back to its last commit.
//	I2  A seat commits between groups: no group of it is half-way while tokens are taken.
//	I3  The store's transaction comes last, and carries the holder's epoch: a sink is durable up to its
//	    token before the token and the cursors that belong to it are kept.
//	I4  After any failure of a transform, a sink or the store a holder commits nothing more. The next one
//	    joins the seat, opens every stage with the seat's tokens, and only then are the splits that the
//	    former one held anybody's to claim.
//	I5  Counts and dead letters are kept in the same transaction as the records that they speak of. A
//	    commit adds to the counts of the run what its seat has counted since the last one.
//	I6  A run is complete when all splits are done and all seats are settled. The sinks are told before
//	    the store is, by the coordinator alone.
//
// So whatever is killed or stopped at whatever instant, the records in the sinks of a seat up to
// its tokens are exactly those up to the cursors that the seat has committed, and what came later
// is taken away and read again. What one who was stopped still sends when it wakes, the sinks
// refuse: their seat has a higher epoch by then. A sink that cannot refuse it must be idempotent by
// key. seats.pml is a model of it for spin.
package pipeline
