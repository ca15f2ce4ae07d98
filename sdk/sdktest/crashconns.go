// Connections in a crash test: the process is killed in its writes.

package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
)

// crashConns counts a process's writes to its connections, and kills it at one of them.
type crashConns struct {
	writes atomic.Int64
	at     int64 // the write at which the process dies; 0: none
	half   bool  // after half of it was sent
}

// written is the number of writes.
func (c *crashConns) written() int { return int(c.writes.Load()) }

// dieAt parses a number and, if only half of that write is to be sent, " half". "" means no write.
func (c *crashConns) dieAt(place string) {
	if place == "" {
		return
	}
	if _, err := fmt.Sscanf(place, "%d", &c.at); err != nil {
		panic(err)
	}
	c.half = strings.HasSuffix(place, halfSent)
}

// saysWrites begins the line in which a child, at its end, prints the number of writes.
const saysWrites = "writes "

// halfSent ends the position of a write of which half is sent.
const halfSent = " half"

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// over returns a Dial whose connections are counted.
func (c *crashConns) over(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &crashConn{conn, c}, nil
	}
}

type crashConn struct {
	net.Conn
	of *crashConns
}

func (c *crashConn) Write(p []byte) (int, error) {
	if c.of.writes.Add(1) != c.of.at {
		return c.Conn.Write(p)
	}
	if c.of.half {
		p = p[:len(p)/2]
	}
	_, _ = c.Conn.Write(p) // the process dies next, so an error does not matter
	killSelf()
	return 0, nil
}

// maxWriteKills is how often a process is killed in a write, spread evenly. Each kill costs a
// process and a recovery.
const maxWriteKills = 40

// killedAtWrites kills the process in its writes to connections: after half of one was sent, and
// after all of it.
func (x *crash) killedAtWrites() {
	x.Helper()
	x.clear()
	out, err := x.command("").Output()
	if err != nil {
		x.Fatalf("the undisturbed process: %v\n%s", err, out)
	}
	writes := 0
	if i := bytes.LastIndex(out, []byte(saysWrites)); i >= 0 {
		writes, _ = strconv.Atoi(string(bytes.TrimSpace(out[i+len(saysWrites):])))
	}
	all := 2 * writes
	kills := min(all/x.number(crashShare, 1), maxWriteKills)
	landed := 0
	for i := range kills {
		n := i * all / kills
		place, when := strconv.Itoa(1+n/2), fmt.Sprintf("killed at write %d of %d to a connection", 1+n/2, writes)
		if n%2 == 0 {
			place, when = place+halfSent, when+", half sent"
		}
		if x.killedAt(place, when) {
			landed++
		}
	}
	x.Logf("%d kills over %d writes to connections", landed, writes)
	if kills == 0 || landed < kills*9/10 {
		x.Errorf("only %d of %d kills landed: the test proves less than it says", landed, kills)
	}
}

// killedAt kills a process at a write and recovers. It reports whether there was such a write.
func (x *crash) killedAt(place, when string) bool {
	x.Helper()
	x.clear()
	out, err := x.command(place).Output()
	if err == nil {
		return false
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() && runtime.GOOS != "windows" { // on Windows a kill looks like an exit
		x.Fatalf("%s: the process had ended by itself before: %v\n%s%s", when, err, out, exit.Stderr)
	}
	x.goOnHere(when, strings.Split(strings.TrimSpace(string(out)), "\n"))
	return true
}

// command is a process that dies at a write; "": at none.
func (x *crash) command(place string) *exec.Cmd {
	cmd := exec.CommandContext(x.Context(), os.Args[0], x.only()...)
	cmd.Env = append(x.env(), crashWrite+"="+place)
	return cmd
}
