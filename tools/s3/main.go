// Command s3 is rclone with nothing but `serve s3` and folders of this machine: a real server of
// object storage, for tests. It is a module of its own, for what it needs.
package main

import (
	_ "github.com/rclone/rclone/backend/local" // where it keeps things
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/serve"
	_ "github.com/rclone/rclone/cmd/serve/s3" // what it serves
)

func main() { cmd.Main() }
