// How a server is reached: logins, TLS, a pooler.

package sqlsink_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sinks/postgres"
	"github.com/scrapekit/scrapekit/plugins/sinks/sqltest"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestPostgresConnections is one server for all: the first parts need it without TLS.
func TestPostgresConnections(t *testing.T) {
	t.Parallel()
	server := sqltest.Postgres(t)
	db := sqltest.Open(t, "pgx", sqltest.PostgresURL(server.Addr, "scrapekit"))
	t.Run("refusals", func(t *testing.T) { testRefusals(t, server.Addr, db) })
	t.Run("socket", func(t *testing.T) {
		_, port, _ := net.SplitHostPort(server.Addr)
		config := map[string]any{"url": "postgres://scrapekit:secret@localhost:1/scrapekit?sslmode=verify-full",
			"socket": filepath.Join(server.Dir, ".s.PGSQL."+port)}
		if err := checked(t, config); err != nil {
			t.Error(err)
		}
		config["ca_file"] = "ca.pem"
		if err := checked(t, config); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "are for TLS") {
			t.Errorf("with TLS: %v", err)
		}
	})
	t.Run("pooler", func(t *testing.T) { testPooler(t, server, db) })
	t.Run("TLS", func(t *testing.T) { testTLS(t, server, db) })
}

// testRefusals: what the server does not let the sink do is said by Check, with what to do.
func testRefusals(t *testing.T, addr string, db *sql.DB) {
	for _, one := range []string{"CREATE ROLE poor LOGIN PASSWORD 'poor'", "CREATE SCHEMA made"} {
		if _, err := db.ExecContext(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct{ url, schema, says string }{
		"password": {"postgres://scrapekit:wrong@" + addr + "/scrapekit?sslmode=disable", "made",
			"give the password of the role scrapekit"},
		"role": {"postgres://nobody:x@" + addr + "/scrapekit?sslmode=disable", "made",
			"give the password of the role nobody"},
		"database": {sqltest.PostgresURL(addr, "absent"), "made", `CREATE DATABASE "absent"`},
		"rights": {"postgres://poor:poor@" + addr + "/scrapekit?sslmode=disable", "made",
			"GRANT CREATE on the schema made TO"},
		"rights to make a schema": {"postgres://poor:poor@" + addr + "/scrapekit?sslmode=disable", "other",
			"GRANT CREATE on the database scrapekit TO"},
		"TLS": {"postgres://scrapekit:secret@" + addr + "/scrapekit?sslmode=require", "made", "TLS"},
	} {
		err := checked(t, map[string]any{"url": c.url, "schema": c.schema})
		if err == nil || !strings.Contains(err.Error(), c.says) || what != "TLS" && !sdk.IsPermanent(err) ||
			strings.Contains(err.Error(), "wrong@") {
			t.Errorf("%s: permanent %v: %v", what, sdk.IsPermanent(err), err)
		}
	}
}

// checked is what Check of a sink with these settings says.
func checked(t *testing.T, config map[string]any) error {
	t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx := sdk.Host{Dial: new(net.Dialer).DialContext}.In(t.Context())
	v, err := postgres.Plugin().New(ctx, raw)
	if err != nil {
		return err
	}
	return v.(sinkUnderTest).Check(ctx)
}

// testPooler: behind PgBouncer each transaction may have another connection of the server.
func testPooler(t *testing.T, server *sqltest.Server, db *sql.DB) {
	url := sqltest.PostgresURL(sqltest.PgBouncer(t, server).Addr, "scrapekit")
	for _, name := range []string{"Upsert", "History", "Mirror", "Replace", "Fenced", "SchemaChanges"} {
		t.Run(name, func(t *testing.T) {
			tests[name](&place{T: t, plugin: postgres.Plugin(), config: map[string]any{"url": url, "schema": name},
				table: `"` + name + `"."things"`, db: db})
		})
	}
}

// authority makes certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// issue makes a certificate for a name. That of an authority of its own has no issuer.
func issue(t *testing.T, by *authority, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		IsCA: by == nil, BasicConstraintsValid: true}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// keyPEM is the key of a certificate.
func (a *authority) keyPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// testTLS: the server proves who it is, and the client by its certificate.
func testTLS(t *testing.T, server *sqltest.Server, db *sql.DB) {
	ca := issue(t, nil, "authority")
	of, loader := issue(t, ca, "localhost"), issue(t, ca, "loader")
	server.Give(t, "data/pg_hba.conf", []byte("hostssl all loader all cert\nhost all all all scram-sha-256\n"))
	for _, statement := range []string{
		"ALTER SYSTEM SET ssl_cert_file = '" + server.Give(t, "server.pem", of.pem) + "'",
		"ALTER SYSTEM SET ssl_key_file = '" + server.Give(t, "server.key", of.keyPEM(t)) + "'",
		"ALTER SYSTEM SET ssl_ca_file = '" + server.Give(t, "ca.pem", ca.pem) + "'",
		"ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()", "CREATE ROLE loader LOGIN",
		"GRANT CREATE ON DATABASE scrapekit TO loader",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	given := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	_, port, _ := net.SplitHostPort(server.Addr)
	at := func(user, host string) map[string]any {
		return map[string]any{"schema": "tls",
			"url": "postgres://" + user + "@" + net.JoinHostPort(host, port) + "/scrapekit?sslmode=verify-full"}
	}
	with := func(settings map[string]any, more map[string]any) map[string]any {
		maps.Copy(settings, more)
		return settings
	}
	trusted := map[string]any{"ca_file": given("ca.pem", ca.pem)}
	proven := map[string]any{"ca_file": trusted["ca_file"], "cert_file": given("loader.pem", loader.pem),
		"key_file": given("loader.key", loader.keyPEM(t))}
	for deadline := time.Now().Add(time.Minute); ; { // the server takes its new settings when it comes to it
		err := checked(t, with(at("loader", "localhost"), proven))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("with a certificate: ", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := checked(t, with(at("scrapekit:secret", "localhost"), trusted)); err != nil {
		t.Error("with a password: ", err)
	}
	for what, c := range map[string]struct {
		settings map[string]any
		says     string
	}{
		"an authority that nobody knows": {at("scrapekit:secret", "localhost"), "set ca_file"},
		"another host":                   {with(at("scrapekit:secret", "127.0.0.1"), trusted), "its certificate names"},
		"no certificate":                 {with(at("loader", "localhost"), trusted), "pg_hba.conf"},
		"a file in the URL": {map[string]any{
			"url": "postgres://loader@localhost/scrapekit?sslmode=verify-full&sslrootcert=ca.pem"}, "set ca_file"},
	} {
		if err := checked(t, c.settings); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: permanent %v: %v", what, sdk.IsPermanent(err), err)
		}
	}
}
