// Command scrapekit-source-generate is the generate source as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sources/generate"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(generate.Plugin()) }
