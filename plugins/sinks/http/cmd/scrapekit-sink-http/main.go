// Command scrapekit-sink-http is the http sink as a plugin of its own.
package main

import (
	httpsink "github.com/scrapekit/scrapekit/plugins/sinks/http"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(httpsink.Plugin()) }
