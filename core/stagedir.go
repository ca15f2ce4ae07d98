// Private folders of stages: a part of the state, each the one stage's alone.

package core

import (
	"fmt"
	"os"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// privateDir is the private folder of a block's stage; "" if its plugin asks for none. A plugin
// that has no files is confined more, so that none gets a folder that it did not ask for.
func (p *parts) privateDir(b config.Block) string {
	if !b.Info.PrivateDir || b.Kind == sdk.KindSource {
		return ""
	}
	return p.own.Stage(stageKey(b))
}

// makePrivate makes the private folder of a block's stage, if it has one: for this user alone.
func (p *parts) makePrivate(b config.Block) error {
	dir := p.privateDir(b)
	if dir == "" {
		return nil
	}
	err := disk.MakeDir(dir, 0o700)
	if err == nil {
		err = os.Chmod(dir, 0o700) //nolint:gosec // a folder
	}
	if err != nil {
		return fmt.Errorf("%s: private folder: %w", stageName(b), err)
	}
	return nil
}
