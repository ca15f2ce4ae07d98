// Command scrapekit-sink-postgres is the postgres sink as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sinks/postgres"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(postgres.Plugin()) }
