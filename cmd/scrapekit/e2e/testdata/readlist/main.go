// Readlist prints the records in a list of a Redis server, for `scrapekit plugins test --read`.
// READLIST_SERVER is the server's address.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	if err := run(os.Args[3] + ":" + os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(key string) error {
	conn, err := net.Dial("tcp", os.Getenv("READLIST_SERVER"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "*4\r\n$6\r\nLRANGE\r\n$%d\r\n%s\r\n$1\r\n0\r\n$2\r\n-1\r\n", len(key),
		key); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	var n, size int
	if _, err := fmt.Fscanf(in, "*%d\r\n", &n); err != nil {
		return err
	}
	for range n {
		if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
			return err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return err
		}
		fmt.Printf("%s\n", text[:size])
	}
	return nil
}
