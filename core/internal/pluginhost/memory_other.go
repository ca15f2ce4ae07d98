//go:build !linux

package pluginhost

// watchMemory does nothing: only Linux confines plugins.
func (p *process) watchMemory() {}
