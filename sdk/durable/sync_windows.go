// Windows stores a new file's name with the file. Folders cannot be synced there.

package durable

// SyncDir does nothing.
func SyncDir(string) error { return nil }
