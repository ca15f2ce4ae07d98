// Private folders of stages: a part of the state that only one stage uses.

package core

import (
	"fmt"
	"os"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// privateDir returns the private folder of a block's stage, or "" if its plugin asks for none. A
// plugin without files has a stricter sandbox, so a folder is made only on request.
func (p *parts) privateDir(b config.Block) string {
	if !b.Info.PrivateDir || b.Kind == sdk.KindSource {
		return ""
	}
	return p.own.Stage(stageKey(b))
}

// makePrivate makes the private folder of a block's stage, if it has one, with mode 0700.
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
