// Command registry is the registry of the distribution project, in memory and on this machine
// alone: the second kind of registry that tests publish to. It is a module of its own, for what it
// needs. It prints its address and ends when its standard input does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // the scheme of -htpasswd
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // where it keeps things
	"github.com/sirupsen/logrus"
)

func main() {
	users := flag.String("htpasswd", "",
		"file with the users and their passwords (bcrypt); none: everybody may do everything")
	flag.Parse()
	if err := serve(*users); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func serve(users string) error {
	logrus.SetOutput(io.Discard)
	config := &configuration.Configuration{
		Storage: configuration.Storage{"inmemory": nil, "delete": {"enabled": true},
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}}},
	}
	config.Catalog.MaxEntries = 100
	config.HTTP.Secret = "of no use to anybody"
	if users != "" {
		config.Auth = configuration.Auth{"htpasswd": {"realm": "registry", "path": users}}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handlers.NewApp(context.Background(), config)}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
