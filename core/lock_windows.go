package core

// alive is not asked: children inherit no lock here.
func alive(int) bool { return true }
