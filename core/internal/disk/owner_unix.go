//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Ours returns an error if other users could write to a folder: its content is trusted, and a link
// made by somebody else would redirect writes. A link to such a folder is accepted if this user
// owns both. A missing folder is accepted.
func Ours(dir string) error { return owned(dir, 0o022, os.Geteuid()) }

// Above returns an error if somebody else could replace a folder inside dir: dir belongs neither to
// this user nor to root, or everybody may rename files in it.
func Above(dir string) error { return owned(dir, 0o002, os.Geteuid(), 0) }

func owned(dir string, writers os.FileMode, owners ...int) error {
	for _, look := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
		info, err := look(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := checkOwner(dir, info, owners); err != nil {
			return err
		}
		sticky := info.Mode()&fs.ModeSticky != 0 && writers == 0o002
		if info.IsDir() && info.Mode().Perm()&writers != 0 && !sticky {
			const advice = "chmod go-w it, once you know what is in there"
			return fmt.Errorf("others may write in %s (%v): %s", dir, info.Mode(), advice)
		}
	}
	return nil
}

func checkOwner(dir string, info fs.FileInfo, owners []int) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: the system does not tell its owner", dir)
	}
	for _, uid := range owners {
		if int(stat.Uid) == uid {
			return nil
		}
	}
	// Some file systems report the same owner for every file.
	if info.IsDir() && madeHereBelongsTo(dir, stat.Uid) {
		return nil
	}
	return fmt.Errorf("%s belongs to %s, and this is %s: one user runs a pipeline; "+
		"run it as %[2]s, or give it another folder for its state", dir, userName(int(stat.Uid)),
		userName(os.Geteuid()))
}

func madeHereBelongsTo(dir string, uid uint32) bool {
	f, err := os.CreateTemp(dir, ".owner-*")
	if err != nil {
		return false
	}
	info, err := f.Stat()
	_ = errors.Join(f.Close(), os.Remove(f.Name())) // it only served to read its owner
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == uid
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", uid)
}
