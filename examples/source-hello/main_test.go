package main

import (
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func TestHello(t *testing.T) {
	sdktest.TestSource(t, plugin(), sdktest.SourceCase{Config: Config{Name: "world", Times: 20}})
}
