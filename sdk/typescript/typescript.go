// Package typescript holds the SDK for plugins in TypeScript, an npm package: a new plugin's
// repository takes it in.
package typescript

import "embed"

// SDK is the package scrapekit.
//
//go:embed package.json README.md src
var SDK embed.FS
