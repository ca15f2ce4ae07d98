// Package plugins is what a program does with plugins beside running them in pipelines: it
// installs, updates and removes them, trusts publishers, packs and publishes, tests them against
// the contract, and looks at the machine that they run on. It stands above package core, which runs
// pipelines.
package plugins
