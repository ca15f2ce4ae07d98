package one

// Large has seven methods, and this comment is longer than a hundred characters, which is too long for one line.
type Large interface {
	A()
	B()
	C()
	D()
	E()
	F()
	G()
}

func bottom() int {
	return limit + len("a text that makes this line of code longer than a hundred and twenty characters, which is too long for a line")
}
