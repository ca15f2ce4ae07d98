// The parent: on Windows the host puts its plugins into a job that ends with the host.

package serve

func dieWithParent() {}
