// The folder of a user's own settings and keys.

package install

import (
	"fmt"
	"os"
	"path/filepath"
)

// ConfigVar is the variable of the environment that names the folder with a user's settings and
// trusted keys.
const ConfigVar = "SCRAPEKIT_CONFIG_DIR"

// ConfigDir is the folder with the settings and trusted keys of this user.
func ConfigDir() (string, error) {
	if dir := os.Getenv(ConfigVar); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("where your settings are: %w; set %s to a folder", err, ConfigVar)
	}
	return filepath.Join(dir, "scrapekit"), nil
}

// UserSettings are those of this user.
func UserSettings() (Settings, error) {
	dir, err := ConfigDir()
	if err != nil {
		return Settings{}, err
	}
	return ReadSettings(filepath.Join(dir, SettingsFile))
}
