// Package plugins does everything with plugins except running them in pipelines: it installs,
// updates and removes them, trusts publishers, packs and publishes, tests plugins against the
// contract, and checks the machine. It builds on package core, which runs pipelines.
package plugins
