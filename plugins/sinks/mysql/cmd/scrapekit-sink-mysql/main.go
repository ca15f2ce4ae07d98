// Command scrapekit-sink-mysql is the mysql sink as a plugin of its own.
package main

import (
	"github.com/scrapekit/scrapekit/plugins/sinks/mysql"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

func main() { serve.Main(mysql.Plugin()) }
