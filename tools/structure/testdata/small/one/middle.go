package one

func middle() int { return bottom() }
