// Command scrapekit-sink-parquet is the parquet sink as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sinks/parquet"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(parquet.Plugin()) }
