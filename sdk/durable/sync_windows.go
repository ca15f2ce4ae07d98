// Windows keeps a new file's name with the file; a folder cannot be synced there.

package durable

// SyncDir does nothing.
func SyncDir(string) error { return nil }
