// Windows keeps a new file's name with the file; a folder cannot be synced there.

package checkpoint

func syncDir(string) error { return nil }
