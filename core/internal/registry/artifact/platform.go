// Platforms: what a program is built for, such as linux_amd64.

package artifact

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
)

// Platform is an operating system and an architecture, with Go's names, joined by _.
type Platform string

var platformName = regexp.MustCompile(`^[a-z][a-z0-9]{0,19}_[a-z0-9]{1,20}$`)

// ParsePlatform parses "linux_amd64" or "linux/amd64".
func ParsePlatform(text string) (Platform, error) {
	text = strings.ReplaceAll(text, "/", "_")
	if !platformName.MatchString(text) {
		return "", fmt.Errorf("%q is not a platform: want one such as linux_amd64, darwin_arm64, windows_amd64", text)
	}
	return Platform(text), nil
}

// Here returns the platform of this process.
func Here() Platform { return Platform(runtime.GOOS + "_" + runtime.GOARCH) }

// OS is the operating system.
func (p Platform) OS() string { os, _, _ := strings.Cut(string(p), "_"); return os }

// Arch is the architecture.
func (p Platform) Arch() string { _, arch, _ := strings.Cut(string(p), "_"); return arch }

// Program is the name of a plugin's program in the store.
func (p Platform) Program() string {
	if p.OS() == "windows" {
		return "plugin.exe"
	}
	return "plugin"
}
