// Package redistest has a server that speaks enough of the protocol of Redis for the sink's tests,
// and stores.
package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server is a server on loopback.
type Server struct {
	Addr string // host:port

	mu       sync.Mutex
	numbers  map[string]int64
	texts    map[string]string
	lists    map[string][]string
	sets     map[string][]string
	versions map[string]int // of keys, for WATCH
	open     map[net.Conn]struct{}
	accepted int
	cut      int
}

// New starts a server, which ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Addr: l.Addr().String(), numbers: map[string]int64{}, texts: map[string]string{}, lists: map[string][]string{},
		sets:     map[string][]string{},
		versions: map[string]int{}, open: map[net.Conn]struct{}{},
	}
	t.Cleanup(func() {
		_ = l.Close() // at the end of the test
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.open {
			_ = c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.accepted++
			s.open[c] = struct{}{}
			s.mu.Unlock()
			go s.serve(c)
		}
	}()
	return s
}

// List returns what is in a list.
func (s *Server) List(key string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lists[key])
}

// Connections returns how many connections are open, and how many there ever were.
func (s *Server) Connections() (open, ever int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open), s.accepted
}

// Cut returns how often a list was made shorter: a sink took back what it had written.
func (s *Server) Cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

// session is one connection.
type session struct {
	*Server
	watched map[string]int // versions
	queue   [][]string
	multi   bool
}

func (s *Server) serve(c net.Conn) {
	in, out := bufio.NewReader(c), bufio.NewWriter(c)
	one := &session{Server: s, watched: map[string]int{}}
	for {
		args, err := command(in)
		if err != nil {
			break
		}
		s.mu.Lock()
		reply := one.do(args)
		s.mu.Unlock()
		_, _ = out.WriteString(reply)
		if in.Buffered() == 0 {
			_ = out.Flush()
		}
	}
	_ = c.Close() // the sink has gone
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
}

func command(in *bufio.Reader) ([]string, error) {
	n, err := length(in, '*')
	if err != nil {
		return nil, err
	}
	args := make([]string, n)
	for i := range args {
		size, err := length(in, '$')
		if err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return nil, err
		}
		args[i] = string(text[:size])
	}
	return args, nil
}

func length(in *bufio.Reader, kind byte) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, errors.New("no such thing here")
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

func (s *session) do(args []string) string {
	switch name := strings.ToUpper(args[0]); {
	case name == "MULTI":
		s.multi = true
		return "+OK\r\n"
	case name == "WATCH":
		for _, key := range args[1:] {
			s.watched[key] = s.versions[key]
		}
		return "+OK\r\n"
	case name == "EXEC":
		return s.exec()
	case s.multi:
		s.queue = append(s.queue, args)
		return "+QUEUED\r\n"
	default:
		return s.run(name, args[1:])
	}
}

func (s *session) exec() string {
	queue, watched := s.queue, s.watched
	s.queue, s.watched, s.multi = nil, map[string]int{}, false
	for key, version := range watched {
		if s.versions[key] != version {
			return "*-1\r\n"
		}
	}
	out := fmt.Sprintf("*%d\r\n", len(queue))
	for _, args := range queue {
		out += s.run(strings.ToUpper(args[0]), args[1:])
	}
	return out
}

func (s *Server) shorten(key string, n int) {
	if n < len(s.lists[key]) {
		s.lists[key] = s.lists[key][:n]
		s.cut++
	}
}

func bulks(all []string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "*%d\r\n", len(all))
	for _, m := range all {
		fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(m), m)
	}
	return out.String()
}

func (s *session) run(name string, args []string) string {
	if len(args) == 0 {
		return "+PONG\r\n"
	}
	key := args[0]
	switch name {
	case "INCR":
		s.versions[key]++
		s.numbers[key]++
		return fmt.Sprintf(":%d\r\n", s.numbers[key])
	case "GET":
		text, there := s.texts[key]
		if n, counted := s.numbers[key]; counted {
			text, there = strconv.FormatInt(n, 10), true
		}
		if !there {
			return "$-1\r\n"
		}
		return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
	case "SETNX":
		if _, there := s.texts[key]; there {
			return ":0\r\n"
		}
		s.texts[key] = args[1]
		return ":1\r\n"
	case "SADD":
		if !slices.Contains(s.sets[key], args[1]) {
			s.sets[key] = append(s.sets[key], args[1])
		}
		return ":1\r\n"
	case "SMEMBERS":
		return bulks(s.sets[key])
	case "RPUSH":
		s.lists[key] = append(s.lists[key], args[1:]...)
		return fmt.Sprintf(":%d\r\n", len(s.lists[key]))
	case "LRANGE": // all of it
		return bulks(s.lists[key])
	case "LLEN":
		return fmt.Sprintf(":%d\r\n", len(s.lists[key]))
	case "DEL":
		s.shorten(key, 0)
		delete(s.lists, key)
		return ":1\r\n"
	case "LTRIM": // from the start alone
		last, err := strconv.Atoi(args[2])
		if err != nil {
			return "-ERR value is not an integer\r\n"
		}
		s.shorten(key, last+1)
		return "+OK\r\n"
	}
	return fmt.Sprintf("-ERR unknown command '%s'\r\n", name)
}
