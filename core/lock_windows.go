package core

// alive is always true on Windows, where children inherit no lock.
func alive(int) bool { return true }
