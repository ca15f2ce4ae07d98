// Package sqltest starts servers of databases for tests, as Debian installs them, and reads what a
// sink has left.
package sqltest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver mysql
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
)

// required is the value of SCRAPEKIT_SERVERS with which a test fails that has no server.
const required = "required"

// missing skips a test without a server.
func missing(t testing.TB, what, install string) {
	t.Helper()
	if os.Getenv("SCRAPEKIT_SERVERS") == required {
		t.Fatalf("no %s: %s", what, install)
	}
	t.Skipf("no %s; to have this test run: %s", what, install)
}

// Server is a server with a folder of its own. It ends with the test.
type Server struct {
	Addr string // host:port
	Dir  string
	bin  string
	args []string
	as   *account
	cmd  *exec.Cmd
}

// account is a user of the system.
type account struct{ uid, gid uint32 }

// unprivileged is who runs a server that refuses root; nil: whoever runs the test.
func unprivileged(t testing.TB, name string) *account {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &account{uint32(uid), uint32(gid)}
}

func newServer(t testing.TB, as *account) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "sqltest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if as != nil {
		if err := os.Chown(dir, int(as.uid), int(as.gid)); err != nil {
			t.Fatal(err)
		}
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return &Server{Addr: l.Addr().String(), Dir: dir, as: as}
}

func (s *Server) command(bin string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), bin, args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = attributes(s.as)
	return cmd
}

func (s *Server) run(t testing.TB, bin string, args ...string) {
	t.Helper()
	if out, err := s.command(bin, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", bin, err, out)
	}
}

// Start starts the server, or starts it again.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = s.command(s.bin, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server with a signal, and waits until it has ended.
func (s *Server) Stop(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig)
	_ = s.cmd.Wait()
}

// await waits until a database answers.
func (s *Server) await(t testing.TB, db *sql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			t.Fatalf("%v\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Postgres starts a PostgreSQL with the role "scrapekit", whose password is "secret", and a
// database of that name. Without one installed the test is skipped.
func Postgres(t testing.TB, settings ...string) *Server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		missing(t, "PostgreSQL", "apt-get install postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	s := newServer(t, unprivileged(t, "postgres"))
	data := filepath.Join(s.Dir, "data")
	password := filepath.Join(s.Dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run(t, filepath.Join(bin, "initdb"), "-D", data, "-U", "scrapekit", "--pwfile", password, "-A", "scram-sha-256",
		"-E", "UTF8", "--no-sync", "--wal-segsize=1")
	_, port, _ := net.SplitHostPort(s.Addr)
	s.bin = filepath.Join(bin, "postgres")
	s.args = []string{"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c",
		"unix_socket_directories=" + s.Dir,
		"-c", "fsync=off", "-c", "max_connections=200"}
	for _, one := range settings {
		s.args = append(s.args, "-c", one)
	}
	s.Start(t)
	t.Cleanup(func() { s.Stop(syscall.SIGQUIT) })
	db := Open(t, "pgx", PostgresURL(s.Addr, "postgres"))
	s.await(t, db)
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE scrapekit"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Give writes a file that only the server may read, as it wants a key to be.
func (s *Server) Give(t testing.TB, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(s.Dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.as != nil {
		if err := os.Chown(path, int(s.as.uid), int(s.as.gid)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// PgBouncer starts a pooler before a server of [Postgres], in transaction mode, with so few
// connections that clients share them. Without one installed the test is skipped.
func PgBouncer(t testing.TB, server *Server) *Server {
	t.Helper()
	bin, err := exec.LookPath("/usr/sbin/pgbouncer")
	if err != nil {
		missing(t, "PgBouncer", "apt-get install pgbouncer")
	}
	s := newServer(t, server.as)
	host, port, _ := net.SplitHostPort(s.Addr)
	_, behind, _ := net.SplitHostPort(server.Addr)
	users := s.Give(t, "users", []byte(`"scrapekit" "secret"`+"\n"))
	s.bin, s.args = bin, []string{s.Give(t, "pgbouncer.ini", []byte("[databases]\n"+
		"scrapekit = host="+host+" port="+behind+" user=scrapekit password=secret\n"+
		"[pgbouncer]\npool_mode = transaction\ndefault_pool_size = 3\nunix_socket_dir =\nauth_type = scram-sha-256\n"+
		"auth_file = "+users+"\nlisten_addr = "+host+"\nlisten_port = "+port+"\n"))}
	s.Start(t)
	t.Cleanup(func() { s.Stop(syscall.SIGKILL) })
	s.await(t, Open(t, "pgx", PostgresURL(s.Addr, "scrapekit")+"&default_query_exec_mode=simple_protocol"))
	return s
}

// PostgresURL is that of a database at a server of [Postgres].
func PostgresURL(addr, database string) string {
	return "postgres://scrapekit:secret@" + addr + "/" + database + "?sslmode=disable"
}

// MariaDB starts a MariaDB with the user "scrapekit", whose password is "secret", and a database of
// that name. Without one installed the test is skipped.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	bin, err := exec.LookPath("/usr/sbin/mariadbd")
	if err != nil {
		missing(t, "MariaDB", "apt-get install mariadb-server")
	}
	s := newServer(t, unprivileged(t, "mysql"))
	data, first := filepath.Join(s.Dir, "data"), filepath.Join(s.Dir, "first.sql")
	const users = "CREATE DATABASE IF NOT EXISTS scrapekit;\n" +
		"CREATE USER IF NOT EXISTS 'scrapekit'@'%' IDENTIFIED BY 'secret';\n" +
		"GRANT ALL ON *.* TO 'scrapekit'@'%' WITH GRANT OPTION;\n"
	if err := os.WriteFile(first, []byte(users), 0o644); err != nil {
		t.Fatal(err)
	}
	s.run(t, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--skip-test-db",
		"--auth-root-authentication-method=normal")
	_, port, _ := net.SplitHostPort(s.Addr)
	s.bin = bin
	s.args = []string{"--no-defaults", "--datadir=" + data, "--port=" + port, "--bind-address=127.0.0.1",
		"--socket=" + filepath.Join(s.Dir, "socket"), "--init-file=" + first, "--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=0"}
	s.Start(t)
	t.Cleanup(func() { s.Stop(syscall.SIGKILL) })
	s.await(t, Open(t, "mysql", "scrapekit:secret@tcp("+s.Addr+")/scrapekit"))
	return s
}

// Open opens a database, which is closed with the test.
func Open(t testing.TB, driver, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Strings are the values of a query with one column. A table that is not there has none.
func Strings(t testing.TB, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil && (strings.Contains(err.Error(), "does not exist") ||
		strings.Contains(err.Error(), "no such table") ||
		strings.Contains(err.Error(), "doesn't exist")) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	var out []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Records are the records of a query for JSON, written as the conformance suite writes them: a
// database may keep them in another form.
func Records(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	var out []string
	for _, text := range Strings(t, db, query) {
		out = append(out, canonical(t, text))
	}
	return out
}

var order = []string{"whole", "id", "again", "text", "pad", "huge"}

func canonical(t testing.TB, text string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
	var names []string
	for name := range members {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return slices.Index(order, a) - slices.Index(order, b)
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%q:%s", name, members[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
