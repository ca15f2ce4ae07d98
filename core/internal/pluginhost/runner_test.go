// The addresses that a plugin may name.

//go:build unix

package pluginhost

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	listen := func(path string) string {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return path
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	good, outside := listen(filepath.Join(own, "s")), listen(filepath.Join(dir, "agent"))
	link, file := filepath.Join(own, "link"), filepath.Join(own, "file")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkAddress(own, "unix", good); err != nil {
		t.Errorf("refused its own socket: %v", err)
	}
	for _, bad := range [][2]string{
		{"tcp", "127.0.0.1:80"}, {"unixgram", good}, {"", good}, {"unix", outside}, {"unix", own + "/../agent"},
		{"unix", link}, {"unix", file}, {"unix", own}, {"unix", "@abstract"}, {"unix", "s"}, {"unix", ""},
		{"unix", own + "//s"},
	} {
		if checkAddress(own, bad[0], bad[1]) == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}
