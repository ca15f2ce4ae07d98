// Errors that name their plugin.

package pluginhost

// NamedError is an error with the label of the plugin that it came of.
type NamedError struct {
	Label string
	Err   error
}

func at(label string, err error) error { return &NamedError{label, err} }

func (e *NamedError) Error() string { return e.Label + ": " + e.Err.Error() }
func (e *NamedError) Unwrap() error { return e.Err }

// At tells who is named to those that do not know this package.
func (e *NamedError) At() string { return e.Label }
