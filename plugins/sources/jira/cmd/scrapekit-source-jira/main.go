// Command scrapekit-source-jira serves the Jira source as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(jira.Plugin()) }
