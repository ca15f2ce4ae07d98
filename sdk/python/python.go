// Package python holds the SDK for plugins in Python: a new plugin's repository takes it in.
package python

import "embed"

// SDK is the package scrapekit.
//
//go:embed scrapekit/*.py scrapekit/protocol.binpb
var SDK embed.FS
