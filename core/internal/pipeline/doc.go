// Package pipeline runs one pipeline once: plan → splits → groups → transforms → sinks → commit. It
// depends on no process, gRPC or file format: it receives stages that it can start, a store, and a
// place for dead letters.
//
// # Who does what
//
// A run has one coordinator ([Pipeline.Run]): it begins the run, plans it and ends it. The work is
// done on seats. A seat has stages of its own, with their tokens and dead letters. The holder of a
// seat claims splits, reads and delivers them, and commits. The coordinator holds one seat. On one
// machine that is the only seat; other processes may take part ([Pipeline.Work]). They share only
// the store.
//
// A holder that dies leaves a seat that is not settled: a sink may hold records that were never
// committed. After its lease has expired, another holder joins the seat, opens the stages with the
// seat's tokens, and resumes the work.
//
// The files, each calling those after it: coordinator, worker, plan, read, deliver, push, queue,
// open, seat, live, retry, config, progress, stage; then the parts of groups, and counts.
//
// # Invariants
//
// The code names them, as I1 to I6, at the lines that keep them.
//
//	I1  A group reaches every sink of its seat whole, or the seat goes back to its last commit.
//	I2  A seat commits between groups: no group of it is in progress while tokens are taken.
//	I3  The store's transaction comes last and carries the holder's epoch: a sink is durable up to
//	    its token before that token and its cursors are stored.
//	I4  After any failure of a transform, a sink or the store, a holder commits nothing more. The
//	    next holder joins the seat and opens every stage with the seat's tokens. Only then can the
//	    former holder's splits be claimed.
//	I5  Counts and dead letters are stored in the same transaction as the progress of the records
//	    that they count. A commit adds to the counts of the run what its seat has counted since the
//	    last one.
//	I6  A run is complete when all splits are done and all seats are settled. The coordinator alone
//	    finishes the sinks, and does so before the store records the end.
//
// So after a kill or a stop at any instant, the sinks of a seat hold, up to its tokens, exactly the
// records up to the cursors that the seat has committed. Later records are removed and read again.
// If a stopped holder wakes up and writes, the sinks refuse it, because the seat has a higher epoch
// by then. A sink that cannot refuse it must be idempotent by key. seats.pml is a model of this for
// spin.
package pipeline
