// Connections of plugins, in the report and the live view.

package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/scrapekit/scrapekit/core"
)

// printConnections prints a line for each plugin and address.
func printConnections(w io.Writer, all []core.ConnStats) {
	if len(all) > 0 {
		fmt.Fprintln(w)
	}
	for _, s := range all {
		at := "TCP " + s.Address
		if path, ok := strings.CutPrefix(s.Address, "unix:"); ok {
			at = "Socket " + path
		}
		fmt.Fprintf(w, "%s, %s: %s\n", at, s.Plugin, strings.Join(connections(s), ", "))
	}
}

func connections(s core.ConnStats) []string {
	var out []string
	if s.Connections > 0 || s.Refused == 0 {
		out = append(out, Many(s.Connections, "connection"), Size(s.BytesOut)+" sent", Size(s.BytesIn)+" received")
	}
	if s.Failed > 0 {
		out = append(out, fmt.Sprintf("%s not made", Count(s.Failed)))
	}
	if s.Refused > 0 {
		out = append(out, fmt.Sprintf("%s refused: not granted", Count(s.Refused)))
	}
	return out
}

// oneLineOf sums up the open connections.
func oneLineOf(all []core.ConnStats) string {
	var open, out, in int64
	for _, s := range all {
		open, out, in = open+s.Open, out+s.BytesOut, in+s.BytesIn
	}
	if open+out+in == 0 {
		return ""
	}
	return fmt.Sprintf("connections: %s open, %s sent, %s received", Count(open), Size(out), Size(in))
}
