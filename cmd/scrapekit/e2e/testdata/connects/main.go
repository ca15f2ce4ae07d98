// Connects is a test source whose records are the results of its connections.
package main

import (
	"context"
	"net"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type source struct {
	Address string   `json:"address" required:"true" dial:"true" doc:"Of a server that answers to a line."`
	Others  []string `json:"others" doc:"Addresses that it may not connect to."`
}

type record struct {
	To   string `json:"to"`
	Said string `json:"said"`
}

func (source) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "said", PrimaryKey: []string{"to"}}}, nil
}

func (source) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) { return p.Splits(), nil }

func (s source) Read(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
	direct := new(net.Dialer).DialContext
	if err := w.Emit("said", record{"itself", answer(ctx, direct, s.Address)}); err != nil {
		return err
	}
	for _, to := range append([]string{s.Address}, s.Others...) {
		if err := w.Emit("said", record{to, answer(ctx, sdk.Dial, to)}); err != nil {
			return err
		}
	}
	return nil
}

// answer returns a server's reply, or the error.
func answer(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), to string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := dial(ctx, "tcp", to)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	got := make([]byte, 100)
	if _, err = conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err == nil {
		var n int
		n, err = conn.Read(got)
		got = got[:n]
	}
	if err != nil {
		return err.Error()
	}
	return string(got)
}

func main() {
	serve.Main(sdk.SourceOf[source](sdk.Info{
		Name: "connects", Version: "1.0.0", Doc: "Says what came of its connections.",
		Streams:     []sdk.Stream{{Name: "said", PrimaryKey: []string{"to"}}},
		Permissions: sdk.Permissions{Dial: []string{"asked.example.com:5432", "*:7"}},
	}))
}
