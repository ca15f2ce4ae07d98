// The folder of a user's own settings and keys.

package install

import (
	"fmt"
	"os"
	"path/filepath"
)

// ConfigVar is the environment variable with the folder of a user's settings and trusted keys.
const ConfigVar = "SCRAPEKIT_CONFIG_DIR"

// ConfigDir returns the folder with this user's settings and trusted keys.
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

// UserSettings reads this user's settings.
func UserSettings() (Settings, error) {
	dir, err := ConfigDir()
	if err != nil {
		return Settings{}, err
	}
	return ReadSettings(filepath.Join(dir, SettingsFile))
}
