// Package keyword defines what a settings schema says beyond JSON Schema: keywords of our own,
// number formats, and the pattern of a duration. It is not API: an author writes tags (see package
// sdk), and other languages write the keywords themselves.
package keyword

import (
	"encoding/json"
	"errors"
	"math/big"
	"strconv"
	"strings"
)

// Keywords of our own.
const (
	// Sensitive marks a setting that is never printed.
	Sensitive = "x-scrapekit-sensitive"
	// Host marks a URL, or a list of URLs, whose scheme, host and port the plugin may reach: the
	// host allows what the user writes there.
	Host = "x-scrapekit-host"
	// Path marks a path in the file system, or a list of paths. The host makes a relative path
	// absolute, from the folder of the pipeline file; "-" stays as it is. The keyword's value says
	// what the plugin does there: "read", "write", or true for the default, which is to write at a
	// sink's required path and to read elsewhere. A plugin may read the path; or it may write in
	// the path's folder, or in the folder above the first "{" of a path with placeholders.
	Path = "x-scrapekit-path"
	// Dial marks an address (host:port, a URL with one, or the path of a Unix socket), or a list of
	// them, to which the plugin may connect: the user's value is a permission to sdk.Permissions.Dial. See
	// sdk.Dial.
	Dial = "x-scrapekit-dial"
)

// Duration is the pattern of a duration such as 5s or 1h30m.
const Duration = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`

// Formats of whole numbers, for which the keywords for bounds have no exact number.
const (
	// Int64 is a whole number from -2^63 to 2^63-1.
	Int64 = "int64"
	// Uint64 is a whole number from 0 to 2^64-1.
	Uint64 = "uint64"
)

// PlainNumber writes a whole number with its digits alone: 3.0 as 3, 1e3 as 1000. Other numbers
// stay as they are.
func PlainNumber(n json.Number) json.Number {
	text := string(n)
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if mantissa == text && !strings.Contains(text, ".") {
		return n
	}
	const most = 400 // more zeros than a float64 has
	if e, err := strconv.Atoi(exponent); exponent != "" && (err != nil || e > most || e < -most) {
		return n
	}
	if r, ok := new(big.Rat).SetString(text); ok && r.IsInt() {
		return json.Number(r.Num().String())
	}
	return n
}

// Fits reports whether a whole number fits the format of a settings schema; see [Int64]. It is for
// code that checks settings before a plugin gets them.
func Fits(n json.Number, format string) bool {
	var err error
	switch format {
	case Int64:
		_, err = strconv.ParseInt(string(PlainNumber(n)), 10, 64)
	case Uint64:
		_, err = strconv.ParseUint(string(PlainNumber(n)), 10, 64)
	}
	return !errors.Is(err, strconv.ErrRange)
}

// FitsFloat reports whether a whole number is exact as a float64, the type that most programs use
// for JSON numbers. It is true for a number that is not whole. A number of more than 128 bits is a
// size and not an id, so it may be rounded.
func FitsFloat(n json.Number) bool {
	i, whole := new(big.Int).SetString(string(PlainNumber(n)), 10)
	if !whole || i.BitLen() > 128 {
		return true
	}
	_, accuracy := new(big.Float).SetInt(i).Float64()
	return accuracy == big.Exact
}
