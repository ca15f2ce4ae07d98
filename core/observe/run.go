// Events of a run, in their usual order.

package observe

import "time"

// RunStarted is the first event of a run.
type RunStarted struct {
	Run     string
	Resumed bool // resumes an earlier start
}

// PlanRetried says that planning failed with Err and will be retried after Wait.
type PlanRetried struct {
	Stage string
	Err   error
	Wait  time.Duration
}

// Planned says how many splits the plan has.
type Planned struct{ Splits int }

// SplitDone says that a split was read and delivered to its end. It is not committed yet.
type SplitDone struct {
	Split, Stream string
	Records       int64 // in total
}

// SplitRetried says that a read failed with Err. It resumes at the last cursor after Wait.
type SplitRetried struct {
	Split, Stream string
	Err           error
	Wait          time.Duration
}

// SplitBroken says that this run gives up a split.
type SplitBroken struct {
	Split, Stream string
	Err           error
}

// SplitSkipped says that the source leaves out a split on purpose.
type SplitSkipped struct {
	Split, Stream string
	Err           error
}

// Written says that a sink has written a batch.
type Written struct {
	Stage, Stream string
	Records       int // without rejected ones
	Bytes         int
	Took          time.Duration
}

// Committed says that a seat has committed, with the number of splits in the commit.
type Committed struct {
	Seat, Splits int
	Took         time.Duration
}

// PluginLost says that the process of a source has died. It will be restarted.
type PluginLost struct {
	Stage string
	Err   error
}

// RolledBack says that a seat goes back to its last commit because of Err, and resumes after Wait.
type RolledBack struct {
	Seat int
	Err  error
	Wait time.Duration
}

// RunEnded is the last event of a run.
type RunEnded struct {
	Outcome string
	Err     error // nil: complete, or stopped by the user
}

// Trouble returns the error in an event, and its place: a split, or a stage that the error does not
// name. A nil error means that the event is none.
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

// Hide implements [Event]. The stream needs no mask: a name with a secret is refused before.
func (e Written) Hide(Mask) Event { return e }

// Hide implements [Event].
func (e Committed) Hide(Mask) Event { return e }

// Hide implements [Event].
func (e PluginLost) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }

// Hide implements [Event].
func (e RolledBack) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }

// Hide implements [Event].
func (e RunEnded) Hide(m Mask) Event { e.Err = m.Error(e.Err); return e }
