// The environment of plugins, which contains nothing of the host's.

//go:build !race

package pluginhost

func ownEnv() []string { return nil }
