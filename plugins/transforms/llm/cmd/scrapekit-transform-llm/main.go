// Command scrapekit-transform-llm serves the llm transform as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/transforms/llm"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(llm.Plugin()) }
