//go:build !race

package sandbox

// dataLimit is how much memory a plugin may have, in bytes: a wall before the machine's own, for one that runs away. A record
// may have 64 MiB, and a runtime may want several times that.
const dataLimit = 4 << 30
