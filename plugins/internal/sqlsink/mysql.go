// MySQL and MariaDB: INSERTs of many rows. Their DDL commits by itself, so it comes before all
// data.

package sqlsink

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/scrapekit/scrapekit/sdk"
)

// MySQL is the dialect of MySQL from version 8.0.19 on, and of MariaDB from version 10.5 on.
type MySQL struct {
	conf    *mysql.Config
	collate string // of texts: by their bytes, trailing blanks included
}

// NewMySQL returns the dialect for a server. Every mistake in the settings is permanent.
func NewMySQL(l Login) (*MySQL, error) {
	const want = "url: want mysql://USER@HOST:PORT/DATABASE, with ?tls=true, false or preferred if need be"
	u, err := url.Parse(l.URL)
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" || u.Hostname() == "" || len(u.Path) < 2 {
		return nil, sdk.Permanent(errors.New(want))
	}
	query := u.Query()
	mode := cmp.Or(query.Get("tls"), "preferred")
	query.Del("tls")
	if len(query) > 0 || !slices.Contains([]string{"true", "false", "preferred"}, mode) {
		return nil, sdk.Permanent(errors.New(want))
	}
	conf := mysql.NewConfig()
	conf.Net, conf.Addr = "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	conf.DBName, conf.User = u.Path[1:], u.User.Username()
	conf.Passwd, _ = u.User.Password()
	conf.Passwd = cmp.Or(l.Password, conf.Passwd)
	conf.InterpolateParams, conf.ClientFoundRows, conf.MaxAllowedPacket = true, true, 0
	conf.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", "time_zone": "'+00:00'"}
	if conf.TLSConfig = mode; mode == "true" || l.CAFile+l.CertFile != "" && mode == "preferred" {
		conf.TLS, conf.TLSConfig = &tls.Config{ServerName: u.Hostname()}, ""
	}
	if l.Socket != "" {
		conf.Net, conf.Addr, conf.TLSConfig, conf.TLS = "unix", path.Clean(l.Socket), "false", nil
	}
	if err := l.tls(conf.TLS); err != nil {
		return nil, sdk.Permanent(err)
	}
	return &MySQL{conf: conf}, nil
}

func (m *MySQL) open(ctx context.Context, dialer *sdk.Dialer) (*sql.DB, error) {
	conf := m.conf.Clone()
	conf.DialFunc = dialer.DialContext
	connector, err := mysql.NewConnector(conf)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	db := sql.OpenDB(connector)
	var version string
	if err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		return nil, errors.Join(m.classed(err), db.Close())
	}
	if m.collate = "utf8mb4_0900_bin"; strings.Contains(version, "MariaDB") {
		m.collate = "utf8mb4_nopad_bin"
	}
	return db, nil
}

func (m *MySQL) absent() bool { return false }

// check has nothing left to ask: open has logged in.
func (m *MySQL) check(context.Context, *sql.DB, bool) error { return nil }

func (m *MySQL) classed(err error) error {
	var e *mysql.MySQLError
	switch {
	case err == nil || sdk.IsPermanent(err):
		return err
	case !errors.As(err, &e):
		return untrusted(err)
	}
	what := ""
	switch e.Number {
	case 1045:
		what = fmt.Sprintf(": give the password of the user %s in url or password", m.conf.User)
	case 1049:
		what = fmt.Sprintf(": make it with CREATE DATABASE %s, or name another in url", m.quote(m.conf.DBName))
	case 1044, 1142, 1143:
		what = fmt.Sprintf(": GRANT CREATE, ALTER, INDEX, SELECT, INSERT, UPDATE, DELETE ON %s.* TO the user %s, or "+
			"set ddl = \"off\"", m.quote(m.conf.DBName), m.conf.User)
	case 1054, 1064, 1071, 1118, 1146:
	default:
		return fmt.Errorf("%s: %w", m.place(), err)
	}
	return sdk.Permanent(fmt.Errorf("%s: %w%s", m.place(), err, what))
}

// dataErrors say that a value does not fit: it is too long, out of range, of another type.
var dataErrors = []uint16{1048, 1062, 1264, 1265, 1292, 1366, 1406, 4025}

func (m *MySQL) isData(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && slices.Contains(dataErrors, e.Number) || errors.Is(err, mysql.ErrPktTooLarge)
}

func (m *MySQL) login() bool { return true }

func (m *MySQL) place() string { return "mysql://" + m.conf.Addr + "/" + m.conf.DBName }

func (m *MySQL) names() namer {
	return namer{limit: 64, wide: true, fold: true, bmp: true, refused: map[string]bool{"": true}}
}

// maxColumns is what surely fits into a page of InnoDB.
func (m *MySQL) maxColumns() int { return 120 }

func (m *MySQL) table(name string) string { return m.quote(name) }

func (m *MySQL) quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// A document is a text: MySQL's JSON keeps neither the digits of numbers nor the order of members.
var mysqlTypes = map[kind]string{text: "longtext", integer: "bigint", numeric: "decimal(65,30)", double: "double",
	boolean: "tinyint(1)", date: "date", timestamp: "datetime(6)", document: "longtext"}

func (m *MySQL) typeOf(k kind, key bool) string {
	out := mysqlTypes[k]
	if out != "longtext" {
		return out
	}
	if key {
		out = "varchar(191)" // an index has 3,072 bytes
	}
	return out + " collate " + m.collate
}

func (m *MySQL) kindOf(sqlType string) (kind, bool) {
	switch name, _, _ := strings.Cut(sqlType, " "); {
	case strings.HasPrefix(name, "varchar("):
		return text, true
	case strings.HasPrefix(name, "bigint("): // with a width for display
		return integer, true
	default:
		for k := text; k <= document; k++ {
			if mysqlTypes[k] == name {
				return k, true
			}
		}
		return 0, false
	}
}

// cast keeps a text from being compared with a number as a double.
func (m *MySQL) cast(_ int, k kind) string {
	switch k {
	case integer, boolean:
		return "CAST(? AS SIGNED)"
	case text, document:
		return "?"
	}
	return "CAST(? AS " + mysqlTypes[k] + ")"
}

func (m *MySQL) distinct(a, b string) string { return "NOT (" + a + " <=> " + b + ")" }

func (m *MySQL) bool(v bool) string {
	if v {
		return "1"
	}
	return "0"
}

func (m *MySQL) boolean(v bool) string { return m.bool(v) }

func (m *MySQL) timeLayout() string { return "2006-01-02 15:04:05.999999" }

// fits reports for a decimal whether it keeps all digits: the server would round.
func (m *MySQL) fits(k kind, v []byte) bool {
	if k != numeric {
		return true
	}
	_, fraction, _ := bytes.Cut(v, []byte("."))
	return len(fraction) <= 30 && !bytes.ContainsAny(v, "eE")
}

func (m *MySQL) row() string { return "" }

func (m *MySQL) forUpdate() string { return " FOR UPDATE" }

func (m *MySQL) columns() (string, []any) {
	return `SELECT table_name, column_name, CONCAT(column_type, COALESCE(CONCAT(' collate ', collation_name), ''))
		FROM information_schema.columns WHERE table_schema = DATABASE()`, nil
}

func (m *MySQL) before() []string { return nil }

func (m *MySQL) lock() string { return "SELECT GET_LOCK('scrapekit', 600)" }

func (m *MySQL) ddlInTransaction() bool { return false }

func (m *MySQL) alter(t *table, add, types []column) []string {
	var parts []string
	for _, c := range add {
		parts = append(parts, "ADD COLUMN "+m.quote(c.name)+" "+m.typeOf(c.kind, false))
	}
	for _, c := range types {
		key := t.indexed(slices.IndexFunc(t.cols, func(o column) bool { return o.name == c.name }))
		parts = append(parts, "MODIFY COLUMN "+m.quote(c.name)+" "+m.typeOf(c.kind, key))
	}
	return []string{"ALTER TABLE " + m.table(t.name) + " " + strings.Join(parts, ", ")}
}

func (m *MySQL) index(name string, t *table, by []column) string {
	return "CREATE INDEX " + m.quote("_scrapekit_"+name) + " ON " + m.table(t.name) + " (" + list(m, by) + ")"
}

func (m *MySQL) buffers() bool { return false }

// maxStatement is from what size on an INSERT is sent, in bytes: a server takes 16 MiB or more.
const maxStatement = 1 << 20

func (m *MySQL) load(ctx context.Context, s *session, t *table, rows []row) error {
	if _, err := s.tx.ExecContext(ctx, "SAVEPOINT s"); err != nil {
		return err
	}
	if err := m.insert(ctx, s, t, rows); err != nil {
		if !m.isData(err) {
			return err
		}
		if _, back := s.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT s"); back != nil {
			return back
		}
		return err
	}
	return nil
}

func (m *MySQL) insert(ctx context.Context, s *session, t *table, rows []row) error {
	begin := "INSERT INTO " + m.table(t.name) + " (" + list(m, t.all()) + ") VALUES "
	marks := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(t.all())), ", ") + ")"
	end := m.merge(t, s.whole)
	for len(rows) > 0 {
		var args []any
		size, n := 0, 0
		for ; n < len(rows) && size < maxStatement && n < 1000; n++ {
			for _, v := range rows[n] {
				args = append(args, arg(v))
				size += len(v)
			}
		}
		values := strings.TrimSuffix(strings.Repeat(marks+", ", n), ", ")
		if _, err := s.tx.ExecContext(ctx, begin+values+end, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// merge is what an INSERT does with a row whose key is there. Assignments go from left to right and
// see those before them, so the first one keeps in a variable whether the row is to change.
func (m *MySQL) merge(t *table, whole bool) string {
	if !t.keyed() {
		return ""
	}
	if key := m.quote(t.keyColumns()[0].name); t.mode == Insert {
		return " ON DUPLICATE KEY UPDATE " + key + " = " + key
	}
	fresh := func(c column) string { return "VALUES(" + m.quote(c.name) + ")" }
	var sets, differ []string
	for _, c := range t.guarded(whole) {
		differ = append(differ, m.distinct(m.quote(c.name), fresh(c)))
	}
	guard := "(" + strings.Join(differ, " OR ") + ")"
	if t.newer >= 0 {
		c := t.cols[t.newer]
		guard += " AND (" + m.quote(c.name) + " IS NULL OR " + fresh(c) + " >= " + m.quote(c.name) + ")"
	}
	condition := "@scrapekit_changes := (" + guard + ")"
	for _, c := range t.all() {
		sets = append(sets, m.quote(c.name)+" = IF("+condition+", "+fresh(c)+", "+m.quote(c.name)+")")
		condition = "@scrapekit_changes"
	}
	return " ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
}

func (m *MySQL) flush(context.Context, *session) error { return nil }

func (m *MySQL) settle(context.Context, *sql.Conn) error { return nil }
