// Schemes: all that an auth block may name.

package credential

// Schemes maps the labels of auth blocks to functions that read the block. They return nil if they
// reported an error.
var Schemes = map[string]func(Reader) Value{
	"basic": readBasic, "bearer": readBearer, "header": readHeader, "query": readQuery, "cookie": readCookie,
	"oauth2": readOAuth2, "aws_sigv4": readAWS, "google": readGoogle, "azure": readAzure,
}
