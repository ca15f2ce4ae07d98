// PostgreSQL: COPY, with a staging table where there is one row a key.

package sqlsink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/scrapekit/scrapekit/sdk"
)

// Login is how a sink reaches a server.
type Login struct {
	URL      string `json:"url" required:"true" dial:"true" sensitive:"true" doc:"Of the database, with user and host; env(\"DATABASE_URL\") keeps it out of the file." example:"postgres://me@db.example.com/records?sslmode=verify-full"`
	Password string `json:"password" sensitive:"true" doc:"Of the user, if the URL does not hold it."`
	Socket   string `json:"socket" dial:"true" doc:"Path of the server's Unix socket. The host and the port of the URL are not used then." example:"/run/postgresql/.s.PGSQL.5432"`
	CAFile   string `json:"ca_file" path:"read" doc:"PEM file of the authority that vouches for the server, for TLS."`
	CertFile string `json:"cert_file" path:"read" doc:"PEM file of the client's certificate, where the server asks for one."`
	KeyFile  string `json:"key_file" path:"read" doc:"PEM file of the key of cert_file."`
}

// tls adds the files to a TLS configuration; nil: the connection is plain.
func (l Login) tls(conf *tls.Config) error {
	if conf == nil {
		if l.CAFile+l.CertFile+l.KeyFile != "" {
			return errors.New("ca_file, cert_file and key_file are for TLS, which the URL switches off")
		}
		return nil
	}
	if l.CAFile != "" {
		pem, err := os.ReadFile(l.CAFile)
		if err != nil {
			return err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca_file %s holds no certificate in PEM", l.CAFile)
		}
	}
	if l.CertFile+l.KeyFile == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(l.CertFile, l.KeyFile)
	conf.Certificates = []tls.Certificate{cert}
	return err
}

// Postgres is the dialect of PostgreSQL from version 12 on.
type Postgres struct {
	schema string
	conf   *pgx.ConnConfig
	socket string // "": conf says host and port
}

// NewPostgres returns the dialect for a server. Every mistake in the settings is permanent.
func NewPostgres(l Login, schema string) (*Postgres, error) {
	u, err := url.Parse(l.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" {
		return nil, sdk.Permanent(errors.New("url: want postgres://USER@HOST:PORT/DATABASE"))
	}
	for _, name := range []string{"sslrootcert", "sslcert", "sslkey"} {
		if u.Query().Has(name) {
			return nil, sdk.Permanent(fmt.Errorf(
				"url: %s names a file, which the sink may read only if a setting does: "+
					"set ca_file, cert_file and key_file instead", name))
		}
	}
	conf, err := pgx.ParseConfig(l.URL)
	if err != nil {
		return nil, sdk.Permanent(fmt.Errorf("url: %w", err))
	}
	if l.Password != "" {
		conf.Password = l.Password
	}
	if l.Socket != "" {
		conf.TLSConfig, conf.Fallbacks = nil, nil
	}
	configs := []*tls.Config{conf.TLSConfig}
	for _, f := range conf.Fallbacks {
		configs = append(configs, f.TLSConfig)
	}
	files := errors.New("ca_file, cert_file and key_file are for TLS, which the URL switches off")
	for _, c := range configs {
		if c != nil || len(configs) == 1 {
			files = l.tls(c)
		}
	}
	if files != nil && (len(configs) == 1 || l.CAFile+l.CertFile+l.KeyFile != "") {
		return nil, sdk.Permanent(files)
	}
	conf.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // which a pooler in transaction mode takes
	conf.RuntimeParams["application_name"] = "scrapekit"
	conf.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	p := &Postgres{schema: schema, conf: conf}
	if l.Socket != "" {
		p.socket = path.Clean(l.Socket)
	}
	return p, nil
}

func (p *Postgres) open(_ context.Context, dialer *sdk.Dialer) (*sql.DB, error) {
	conf := p.conf.Copy()
	conf.DialFunc = dialer.DialContext
	if p.socket != "" {
		conf.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", p.socket)
		}
	}
	return stdlib.OpenDB(*conf), nil
}

func (p *Postgres) absent() bool { return false }

func (p *Postgres) check(ctx context.Context, db *sql.DB, ddl bool) error {
	var may, there bool
	err := db.QueryRowContext(ctx, `SELECT count(*) > 0 FROM pg_namespace WHERE nspname = $1`, p.schema).Scan(&there)
	if err != nil || !ddl {
		return err
	}
	needs, on := "CREATE on the schema "+p.schema, `has_schema_privilege($1, 'CREATE')`
	if !there {
		needs, on = "CREATE on the database "+
			p.conf.Database, `$1 <> '' AND has_database_privilege(current_database(), 'CREATE')`
	}
	if err := db.QueryRowContext(ctx, `SELECT `+on, p.schema).Scan(&may); err != nil || may {
		return err
	}
	return sdk.Permanent(fmt.Errorf("%s: the role %s may not make tables: GRANT %s TO it, or set ddl = \"off\"",
		p.place(),
		p.conf.User, needs))
}

func (p *Postgres) classed(err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil || sdk.IsPermanent(err):
		return err
	case !errors.As(err, &pg):
		return untrusted(err)
	}
	if what := p.advice(pg.Code); what != "" {
		return sdk.Permanent(fmt.Errorf("%s: %s: %s (SQLSTATE %s)", p.place(), pg.Message, what, pg.Code))
	}
	for _, code := range []string{"28", "3D", "3F", "42"} { // login, database, schema, rights and syntax
		// 42P07 and 42710 say that another process created the table or the object first.
		if strings.HasPrefix(pg.Code, code) && pg.Code != "42P07" && pg.Code != "42710" {
			return sdk.Permanent(fmt.Errorf("%s: %w", p.place(), err))
		}
	}
	return fmt.Errorf("%s: %w", p.place(), err)
}

// advice says what to do about an error; "" if that is unknown.
func (p *Postgres) advice(code string) string {
	switch code {
	case "28P01":
		return fmt.Sprintf("give the password of the role %s in url or password", p.conf.User)
	case "28000":
		return "the server lets nobody in by this role, address and TLS: see url, and pg_hba.conf of the server"
	case "3D000":
		return fmt.Sprintf("make the database with CREATE DATABASE %s, or name another in url",
			p.quote(p.conf.Database))
	case "42501":
		return fmt.Sprintf("give the role %s the right with GRANT: on the schema %s CREATE and USAGE; on its tables "+
			"SELECT, INSERT, UPDATE, DELETE", p.conf.User, p.quote(p.schema))
	}
	return ""
}

func (p *Postgres) isData(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") ||
		strings.HasPrefix(pg.Code, "54"))
}

func (p *Postgres) login() bool { return true }

func (p *Postgres) place() string {
	if p.socket != "" {
		return fmt.Sprintf("postgres, database %s at %s", p.conf.Database, p.socket)
	}
	return fmt.Sprintf("postgres://%s:%d/%s", p.conf.Host, p.conf.Port, p.conf.Database)
}

func (p *Postgres) names() namer {
	refused := map[string]bool{"": true}
	for _, name := range []string{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"} {
		refused[name] = true
	}
	return namer{limit: 63, refused: refused}
}

func (p *Postgres) maxColumns() int { return 1600 }

func (p *Postgres) table(name string) string { return p.quote(p.schema) + "." + p.quote(name) }

func (p *Postgres) quote(name string) string { return pgx.Identifier{name}.Sanitize() }

var postgresTypes = map[kind]string{text: "text", integer: "bigint", numeric: "numeric", double: "double precision",
	boolean: "boolean", date: "date", timestamp: "timestamp with time zone", document: "jsonb"}

func (p *Postgres) typeOf(k kind, _ bool) string { return postgresTypes[k] }

func (p *Postgres) kindOf(sqlType string) (kind, bool) {
	for k, name := range postgresTypes {
		if name == sqlType {
			return k, true
		}
	}
	return 0, false
}

func (p *Postgres) cast(n int, k kind) string {
	return fmt.Sprintf("CAST($%d AS %s)", n, postgresTypes[k])
}

func (p *Postgres) distinct(a, b string) string { return a + " IS DISTINCT FROM " + b }

func (p *Postgres) bool(v bool) string {
	if v {
		return "t"
	}
	return "f"
}

func (p *Postgres) boolean(v bool) string { return fmt.Sprint(v) }

func (p *Postgres) timeLayout() string { return "2006-01-02 15:04:05.999999Z07:00" }

func (p *Postgres) fits(k kind, v []byte) bool {
	if k != document {
		return bytes.IndexByte(v, 0) < 0
	}
	return !escapesNUL(v)
}

// escapesNUL reports whether JSON has \u0000 in it, and not as an escaped backslash before u0000.
func escapesNUL(v []byte) bool {
	for {
		at := bytes.Index(v, []byte(`\u0000`))
		if at < 0 {
			return false
		}
		before := len(v[:at]) - len(bytes.TrimRight(v[:at], `\`))
		if before%2 == 0 {
			return true
		}
		v = v[at+1:]
	}
}

func (p *Postgres) row() string { return "VALUES " }

func (p *Postgres) forUpdate() string { return " FOR UPDATE" }

func (p *Postgres) columns() (string, []any) {
	return `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
		JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
		[]any{p.schema}
}

func (p *Postgres) before() []string {
	if p.schema == "public" {
		return nil
	}
	return []string{"CREATE SCHEMA IF NOT EXISTS " + p.quote(p.schema)}
}

// lock is one lock for all databases of the server. It lasts until the end of the transaction.
func (p *Postgres) lock() string { return "SELECT pg_advisory_xact_lock(7226912374107)" }

func (p *Postgres) ddlInTransaction() bool { return true }

func (p *Postgres) alter(t *table, add, types []column) []string {
	var parts []string
	for _, c := range add {
		parts = append(parts, "ADD COLUMN "+p.quote(c.name)+" "+postgresTypes[c.kind])
	}
	for _, c := range types {
		using := p.quote(c.name) + "::" + postgresTypes[c.kind]
		parts = append(parts, "ALTER COLUMN "+p.quote(c.name)+" TYPE "+postgresTypes[c.kind]+" USING "+using)
	}
	return []string{"ALTER TABLE " + p.table(t.name) + " " + strings.Join(parts, ", ")}
}

func (p *Postgres) index(_ string, t *table, by []column) string {
	how := ""
	if by[0].name == commitColumn {
		how = "USING brin "
	}
	out := "CREATE INDEX ON " + p.table(t.name) + " " + how + "(" + list(p, by) + ")"
	if t.mode == History && how == "" {
		out += " WHERE " + p.quote(currentColumn)
	}
	return out
}

func (p *Postgres) buffers() bool { return false }

// maxStaged is how many rows wait in a staging table before they are merged.
const maxStaged = 50_000

const stageOrder = "_scrapekit_order"

func stageOf(t *table) string {
	names := (&Postgres{}).names()
	return names.name("_scrapekit_stage_" + t.name)
}

func (p *Postgres) load(ctx context.Context, s *session, t *table, rows []row) error {
	into, staging := p.table(t.name), s.staged[t.name]
	if t.keyed() {
		into = "pg_temp." + p.quote(stageOf(t))
	}
	first := "SAVEPOINT s"
	if len(s.staged) == 0 {
		// A process that sleeps must not hold rows for ever.
		first = "SET LOCAL idle_in_transaction_session_timeout = '10min'; " + first
	}
	if staging == nil {
		staging = &staged{t: t}
		s.staged[t.name] = staging
		if t.keyed() {
			first = fmt.Sprintf("CREATE TEMPORARY TABLE %s ON COMMIT DROP "+
				"AS SELECT %s, 0::bigint AS %s FROM %s LIMIT 0; ",
				p.quote(stageOf(t)), list(p, t.all()), stageOrder, p.table(t.name)) + first
		}
	}
	if _, err := s.tx.ExecContext(ctx, first); err != nil {
		return err
	}
	var b bytes.Buffer
	for i, r := range rows {
		writeCopy(&b, r)
		if t.keyed() {
			fmt.Fprintf(&b, "\t%d", staging.n+i)
		}
		b.WriteByte('\n')
	}
	columns := list(p, t.all())
	if t.keyed() {
		columns += ", " + stageOrder
	}
	err := s.conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, &b, "COPY "+into+" ("+columns+") FROM STDIN")
		return err
	})
	after := "RELEASE SAVEPOINT s"
	if err != nil {
		if !p.isData(err) {
			return err
		}
		after = "ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s"
	}
	if _, released := s.tx.ExecContext(ctx, after); err != nil || released != nil {
		return errors.Join(released, err)
	}
	if staging.n += len(rows); t.keyed() && staging.n >= maxStaged {
		return p.merge(ctx, s, staging)
	}
	return nil
}

// writeCopy writes a row in the text form of COPY.
func writeCopy(b *bytes.Buffer, r row) {
	for i, v := range r {
		if i > 0 {
			b.WriteByte('\t')
		}
		if v == nil {
			b.WriteString(`\N`)
			continue
		}
		for len(v) > 0 {
			n := bytes.IndexAny(v, "\\\n\r\t")
			if n < 0 {
				b.Write(v)
				break
			}
			b.Write(v[:n])
			b.WriteByte('\\')
			b.WriteByte(map[byte]byte{'\\': '\\', '\n': 'n', '\r': 'r', '\t': 't'}[v[n]])
			v = v[n+1:]
		}
	}
}

func (p *Postgres) flush(ctx context.Context, s *session) error {
	for _, staging := range s.staged {
		if err := p.merge(ctx, s, staging); err != nil {
			return err
		}
	}
	return nil
}

func (p *Postgres) settle(context.Context, *sql.Conn) error { return nil }

// merge moves staged rows into their table: for each key, the row that counts.
func (p *Postgres) merge(ctx context.Context, s *session, staging *staged) error {
	t := staging.t
	if !t.keyed() || staging.n == 0 {
		return nil
	}
	keys, order := list(p, t.keyColumns()), " DESC"
	if t.mode == Insert {
		order = ""
	}
	by := keys
	if t.newer >= 0 {
		by += ", " + p.quote(t.cols[t.newer].name) + " DESC NULLS LAST"
	}
	columns, stage := list(p, t.all()), "pg_temp."+p.quote(stageOf(t))
	_, err := s.tx.ExecContext(ctx, "INSERT INTO "+p.table(t.name)+" AS old ("+columns+") SELECT DISTINCT ON ("+keys+
		") "+
		columns+" FROM "+stage+" ORDER BY "+by+", "+stageOrder+order+merge(p, t, s.whole)+"; TRUNCATE "+stage)
	staging.n = 0
	return err
}
