//go:build !linux

package pluginhost

// watchMemory does nothing, because plugins are confined only on Linux.
func (p *process) watchMemory() {}
