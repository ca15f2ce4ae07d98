// Command scrapekit-sink-jsonl is the jsonl sink as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sinks/jsonl"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(jsonl.Plugin()) }
