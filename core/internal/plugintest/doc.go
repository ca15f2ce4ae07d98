// Package plugintest runs the checks of sdk/conformance from outside: against a program in any
// language, as a process that the host starts, confines and kills. To those checks it adds the ones
// that only processes can pass or fail: the handshake, the versions of the protocol, signals.
package plugintest
