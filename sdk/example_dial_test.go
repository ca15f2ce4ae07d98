package sdk_test

import (
	"bufio"
	"context"
	"fmt"
	"net"

	"github.com/scrapekit/scrapekit/sdk"
)

// A sink for a database takes the dialer of the host when it is made, and connects when it is
// opened. In a test, the host is the test's.
func ExampleDialerOf() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go func() {
		if conn, err := server.Accept(); err == nil {
			fmt.Fprintln(conn, "ready")
			conn.Close()
		}
	}()

	ctx := sdk.Host{Dial: new(net.Dialer).DialContext}.In(context.Background())
	dialer := sdk.DialerOf(ctx) // in New; drivers take dialer.DialContext, or the dialer itself
	conn, err := dialer.DialContext(context.Background(), "tcp", server.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(line, err)
	// Output:
	// ready
	// <nil>
}
