// fetch: makes one request as the host would, and explains its decisions.

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

// fetchFlags are the flags of fetch.
type fetchFlags struct {
	file     fileFlags
	pipeline string
	stage    string
	method   string
	headers  []string
	data     string
	follow   bool
	quiet    bool
	asJSON   bool
}

func (a *app) fetchCommand() *cobra.Command {
	var f fetchFlags
	cmd := &cobra.Command{
		Use: "fetch URL --pipeline FILE", Short: "Make one request as the host would, and explain it",
		Args: cobra.ExactArgs(1),
		Long: "Makes one request with the credentials, limits, cache and retries of a pipeline's source, or of\n" +
			"another stage. The body goes to standard output, the explanation of each step to standard error.\n" +
			"A URL that begins with / is on the first host that the stage may ask.\n\n" +
			"Ends with code 0 for a status below 400, and with 1 otherwise.",
		Example: "  scrapekit fetch /jira/rest/api/2/serverInfo --pipeline jira.hcl",
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := f.request(given[0])
			if err != nil {
				return usageError{err}
			}
			p, err := a.load(cmd.Context(), f.pipeline, f.file)
			if err != nil {
				return err
			}
			steps := []observe.Step{}
			r.OnStep = func(s observe.Step) { steps = append(steps, s) }
			if !f.quiet && !f.asJSON {
				r.OnStep = func(s observe.Step) { fmt.Fprintln(a.Err, stepText(s)) }
			}
			a.Hide = p.Hide
			resp, end, err := p.Fetch(cmd.Context(), r)
			if err != nil {
				if f.asJSON {
					err = errors.Join(err, a.json(fetchFailed{err.Error(), steps}))
				}
				return err
			}
			if f.asJSON {
				err = a.fetchedJSON(resp, &steps)
			} else {
				err = a.fetched(resp, f.quiet)
			}
			return errors.Join(err, resp.Body.Close(), end(), refused(resp))
		},
	}
	f.file.add(cmd)
	cmd.Flags().StringVar(&f.pipeline, "pipeline", "", "the pipeline file (required)")
	cmd.Flags().StringVar(&f.stage, "stage", "",
		"use the HTTP settings of this stage: its name, or its plugin's (default the source)")
	cmd.Flags().StringVarP(&f.method, "request", "X", "", "method (default GET, or POST with --data)")
	cmd.Flags().StringArrayVarP(&f.headers, "header", "H", nil, `a header as "Name: value"; repeatable`)
	cmd.Flags().StringVarP(&f.data, "data", "d", "", "body of the request; @FILE reads it from a file")
	cmd.Flags().BoolVarP(&f.follow, "location", "L", false, "follow redirects, each hop with the same checks")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print the body only")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print status, headers, steps and body as JSON")
	return cmd
}

// stepText formats a step for people. Steps of the host's own requests are indented further.
func stepText(s observe.Step) string {
	if s.For != "" {
		return fmt.Sprintf("%8s    %s: %s: %s", show.Brief(s.At), s.For, s.Part, s.Text)
	}
	return fmt.Sprintf("%8s  %-6s %s", show.Brief(s.At), s.Part, s.Text)
}

func (f *fetchFlags) request(url string) (core.FetchRequest, error) {
	if f.pipeline == "" {
		return core.FetchRequest{}, errors.New(
			"--pipeline is missing: name the pipeline file whose credentials and limits to use")
	}
	r := core.FetchRequest{Stage: f.stage, Method: f.method, URL: url, Header: http.Header{}, Follow: f.follow}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return r, fmt.Errorf(`--header %q: want "Name: value"`, h)
		}
		r.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if file, ok := strings.CutPrefix(f.data, "@"); ok {
		body, err := os.ReadFile(file)
		if err != nil {
			return r, fmt.Errorf("--data: %w", err)
		}
		r.Body = body
	} else if f.data != "" {
		r.Body = []byte(f.data)
	}
	return r, nil
}

// fetched prints the reply: the header for people, the body unchanged.
func (a *app) fetched(resp *http.Response, quiet bool) error {
	if !quiet {
		fmt.Fprintf(a.Err, "\n%s %s\n", resp.Proto, resp.Status)
		for _, name := range show.Sorted(resp.Header) {
			for _, value := range resp.Header[name] {
				fmt.Fprintf(a.Err, "%s: %s\n", name, a.Hide(value))
			}
		}
		fmt.Fprintln(a.Err)
	}
	_, err := io.Copy(show.Data(a.Out), resp.Body)
	return err
}

// fetchedJSON prints the reply and its steps as one object. A binary body is in base64.
func (a *app) fetchedJSON(resp *http.Response, steps *[]observe.Step) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	header := resp.Header.Clone()
	for _, values := range header {
		for i, v := range values {
			values[i] = a.Hide(v)
		}
	}
	return a.json(struct {
		Status   int            `json:"status"`
		Protocol string         `json:"protocol"`
		Header   http.Header    `json:"header"`
		Steps    []observe.Step `json:"steps"`
		Body     any            `json:"body"`
	}{resp.StatusCode, resp.Proto, header, *steps, readable(body)})
}

// fetchFailed is the output of fetchedJSON without a reply.
type fetchFailed struct {
	Error string         `json:"error"`
	Steps []observe.Step `json:"steps"`
}

// readable returns a body as a JSON value.
func readable(body []byte) any {
	if slices.Contains(body, 0) || !utf8.Valid(body) {
		return body // encoded as base64
	}
	return string(body)
}

// refused turns an error status into the command's error.
func refused(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return nil
	}
	return fmt.Errorf("the reply is %s", resp.Status)
}
