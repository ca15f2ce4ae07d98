// Errors with the name of their plugin.

package pluginhost

// NamedError is an error with the label of its plugin.
type NamedError struct {
	Label string
	Err   error
}

func at(label string, err error) error { return &NamedError{label, err} }

func (e *NamedError) Error() string { return e.Label + ": " + e.Err.Error() }
func (e *NamedError) Unwrap() error { return e.Err }

// At returns the label for code that does not import this package.
func (e *NamedError) At() string { return e.Label }
