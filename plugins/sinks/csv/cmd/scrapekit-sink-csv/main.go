// Command scrapekit-sink-csv is the csv sink as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sinks/csv"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(csv.Plugin()) }
