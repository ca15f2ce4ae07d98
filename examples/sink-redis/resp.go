// The protocol of Redis, RESP2, as far as the sink speaks it. A driver would do as well:
// redis/go-redis takes sdk.Dial as its Dialer.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// client is a connection to a server.
type client struct {
	net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

// reply is what a server says to one command.
type reply struct {
	text   string
	number int64
	list   []reply // nil: there is none
	err    error   // the server's
}

func connect(ctx context.Context, d *sdk.Dialer, s settings) (*client, error) {
	address := s.Address
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		if address = u.Host; u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), "6379")
		}
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &client{conn, bufio.NewReader(conn), bufio.NewWriterSize(conn, 64<<10)}
	if s.Password != "" {
		if err := ask(ctx, c, "AUTH", s.Password).err; err != nil {
			return nil, errors.Join(sdk.Permanent(err), c.Close())
		}
	}
	return c, nil
}

// ask is do for one command. The error is in the reply.
func ask(ctx context.Context, c *client, command ...string) reply {
	all, err := c.do(ctx, command)
	if err != nil {
		return reply{err: err}
	}
	return all[0]
}

// do sends commands together and returns a reply to each. The error is the connection's, or that of
// the first command that failed.
func (c *client) do(ctx context.Context, commands ...[]string) ([]reply, error) {
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	for _, args := range commands {
		fmt.Fprintf(c.out, "*%d\r\n", len(args)) // an error stays until Flush
		for _, a := range args {
			fmt.Fprintf(c.out, "$%d\r\n", len(a))
			_, _ = c.out.WriteString(a)
			_, _ = c.out.WriteString("\r\n")
		}
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	var out []reply
	var failed error
	for range commands {
		r, err := c.read()
		if err != nil {
			return nil, fmt.Errorf("reply: %w", err)
		}
		failed = errors.Join(failed, r.err)
		out = append(out, r)
	}
	return out, failed
}

func (c *client) read() (reply, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	if kind == '+' {
		return reply{text: rest}, nil
	}
	if kind == '-' {
		return reply{err: errors.New("the server: " + rest)}, nil
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("%.50q is no reply of a Redis server", line)
	case kind == '$' && n >= 0:
		text := make([]byte, n+2)
		_, err = io.ReadFull(c.in, text)
		return reply{text: string(text[:n])}, err
	case kind == '*' && n >= 0:
		r := reply{list: make([]reply, n)}
		for i := range r.list {
			if r.list[i], err = c.read(); err != nil {
				break
			}
		}
		return r, err
	}
	return reply{number: n}, nil
}
