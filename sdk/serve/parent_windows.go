// The parent: on Windows the host puts its plugins into a job that ends with it.

package serve

func dieWithParent() {}
