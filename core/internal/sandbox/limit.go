//go:build !race

package sandbox

const memoryLimit = 4 << 30
