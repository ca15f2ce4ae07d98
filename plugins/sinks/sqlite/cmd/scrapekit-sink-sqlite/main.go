// Command scrapekit-sink-sqlite is the sqlite sink as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sinks/sqlite"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(sqlite.Plugin()) }
