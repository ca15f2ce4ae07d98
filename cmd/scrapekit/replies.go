// Flags about recordings and caches, for all commands that make requests.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/core"
)

// replyFlags say what is done with replies.
type replyFlags struct {
	cache, record, replay string
	attach                []string
}

func (f *replyFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.cache, "cache", "on",
		"replies that a cache block keeps: on (ask whether they have changed), off, refresh (ask anew, and keep),\n"+
			"only (use them however old, and make no request)")
	cmd.Flags().StringVar(&f.record, "record", "",
		"append every exchange to this file, without credentials, for --replay")
	cmd.Flags().StringArrayVar(&f.attach, "attach", nil,
		"STAGE=SOCKET: use the plugin that waits there, started in a debugger with SCRAPEKIT_DEBUG=1; repeatable")
	cmd.Flags().StringVar(&f.replay, "replay", "",
		"take all replies from this file, and make no request; state and outputs are kept apart")
}

// set sets the options of a pipeline.
func (f *replyFlags) set(o *core.Options) error {
	o.Record, o.Replay = f.record, f.replay
	for _, one := range f.attach {
		name, socket, ok := strings.Cut(one, "=")
		if !ok || name == "" || socket == "" {
			return usageError{fmt.Errorf("--attach %s: want STAGE=SOCKET, as the plugin prints it", one)}
		}
		if o.Attach == nil {
			o.Attach = map[string]string{}
		}
		o.Attach[name] = socket
	}
	if f.replay != "" && (f.record != "" || f.cache != "on") {
		return usageError{errors.New("--replay asks nobody: there is nothing for --record and --cache to do")}
	}
	o.Cache = core.CacheMode(f.cache)
	if !slices.Contains(core.CacheModes, o.Cache) {
		return usageError{fmt.Errorf("--cache %s: want on, off, refresh or only", f.cache)}
	}
	return nil
}

// loadFor loads a pipeline file for a command that makes requests.
func (a *app) loadFor(ctx context.Context, file string, f fileFlags, replies replyFlags) (*core.Pipeline, error) {
	opts, err := a.fileOptions(f)
	if err != nil {
		return nil, err
	}
	if err := replies.set(&opts); err != nil {
		return nil, err
	}
	if replies.replay != "" {
		what, err := aboutReplay(replies.replay)
		if err != nil {
			return nil, fmt.Errorf("--replay: %w", err)
		}
		fmt.Fprintln(a.Err, "replaying", what)
	}
	p, err := a.loadWith(ctx, file, opts)
	if err == nil && replies.cache != "on" && !p.Caches() {
		return nil, usageError{fmt.Errorf(
			"--cache %s: nothing in %s has a cache: write http { cache {} } into the source's block", replies.cache,
			file)}
	}
	return p, err
}

// aboutReplay describes the replay, or returns why it is impossible.
func aboutReplay(file string) (string, error) {
	if lines, err := core.RecordingLines(file); lines || err != nil {
		return file, err
	}
	info, err := core.ReadRecording(file, false, func(core.Exchange) error { return nil })
	return describe(file, info), err
}
