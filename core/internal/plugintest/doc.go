// Package plugintest runs the checks of sdk/conformance against a program in any language, which
// the host starts, confines and kills as a process. It adds checks that concern only processes: the
// handshake, the versions of the protocol, signals.
package plugintest
