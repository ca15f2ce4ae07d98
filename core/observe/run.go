// What happens in a run, in about the order in which it does.

package observe

import "time"

// RunStarted is the first event of a run.
type RunStarted struct {
	Run     string
	Resumed bool // an earlier start is gone on with
}

// PlanRetried says that the source could not plan because of Err, and is asked again after Wait.
type PlanRetried struct {
	Stage string
	Err   error
	Wait  time.Duration
}

// Planned says that the run has so many splits.
type Planned struct{ Splits int }

// SplitDone says that a split was read and delivered to its end. It is not committed yet.
type SplitDone struct {
	Split, Stream string
	Records       int64 // in all
}

// SplitRetried says that a read failed because of Err, and goes on from its last cursor after Wait.
type SplitRetried struct {
	Split, Stream string
	Err           error
	Wait          time.Duration
}

// SplitBroken says that a split is given up for this run.
type SplitBroken struct {
	Split, Stream string
	Err           error
}

// SplitSkipped says that a split is not to be read: nothing is missing for it.
type SplitSkipped struct {
	Split, Stream string
	Err           error
}

// Written says that a sink has taken a batch.
type Written struct {
	Stage, Stream string
	Records       int // without those that it rejected
	Bytes         int
	Took          time.Duration
}

// Committed says that what was delivered on a seat is kept, of so many splits.
type Committed struct {
	Seat, Splits int
	Took         time.Duration
}

// PluginLost says that the process of a source has died. It is started again.
type PluginLost struct {
	Stage string
	Err   error
}

// RolledBack says that a seat goes back to its last commit because of Err, and on after Wait.
type RolledBack struct {
	Seat int
	Err  error
	Wait time.Duration
}

// RunEnded is the last event of a run.
type RunEnded struct {
	Outcome string
	Err     error // nil: it is complete, or was stopped by the user
}

// Trouble returns what an event tells of as having gone wrong, and where: in a split, or at a stage
// that the error does not name. A nil error: nothing has.
func Trouble(e Event) (split, stage string, err error) {
	switch e := e.(type) {
	case PlanRetried:
		return "", e.Stage, e.Err
	case SplitRetried:
		return e.Split, "", e.Err
	case SplitBroken:
		return e.Split, "", e.Err
	case SplitSkipped:
		return e.Split, "", e.Err
	case PluginLost:
		return "", e.Stage, e.Err
	case RolledBack:
		return "", "", e.Err
	case RunEnded:
		return "", "", e.Err
	}
	return "", "", nil
}

// Kind implements [Event].
func (RunStarted) Kind() string { return "run started" }

// Kind implements [Event].
func (PlanRetried) Kind() string { return "plan retried" }

// Kind implements [Event].
func (Planned) Kind() string { return "planned" }

// Kind implements [Event].
func (SplitDone) Kind() string { return "split done" }

// Kind implements [Event].
func (SplitRetried) Kind() string { return "split retried" }

// Kind implements [Event].
func (SplitBroken) Kind() string { return "split broken" }

// Kind implements [Event].
func (SplitSkipped) Kind() string { return "split skipped" }

// Kind implements [Event].
func (Written) Kind() string { return "batch written" }

// Kind implements [Event].
func (Committed) Kind() string { return "committed" }

// Kind implements [Event].
func (PluginLost) Kind() string { return "plugin lost" }

// Kind implements [Event].
func (RolledBack) Kind() string { return "rolled back" }

// Kind implements [Event].
func (RunEnded) Kind() string { return "run ended" }

// Hide implements [Event].
func (e RunStarted) Hide(Mask) Event { return e }

// Hide implements [Event].
func (e PlanRetried) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }

// Hide implements [Event].
func (e Planned) Hide(Mask) Event { return e }

// Hide implements [Event].
func (e SplitDone) Hide(m Mask) Event {
	e.Split, e.Stream = m.String(e.Split), m.String(e.Stream)
	return e
}

// Hide implements [Event].
func (e SplitRetried) Hide(m Mask) Event {
	e.Split, e.Stream, e.Err = m.String(e.Split), m.String(e.Stream), m.Error(e.Err)
	return e
}

// Hide implements [Event].
func (e SplitBroken) Hide(m Mask) Event {
	e.Split, e.Stream, e.Err = m.String(e.Split), m.String(e.Stream), m.Error(e.Err)
	return e
}

// Hide implements [Event].
func (e SplitSkipped) Hide(m Mask) Event {
	e.Split, e.Stream, e.Err = m.String(e.Split), m.String(e.Stream), m.Error(e.Err)
	return e
}

// Hide implements [Event]. A stream whose name is a secret is refused before anything of it is
// written.
func (e Written) Hide(Mask) Event { return e }

// Hide implements [Event].
func (e Committed) Hide(Mask) Event { return e }

// Hide implements [Event].
func (e PluginLost) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }

// Hide implements [Event].
func (e RolledBack) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }

// Hide implements [Event].
func (e RunEnded) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }
