// Command hog does one thing, once or repeatedly, and prints the result.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

func main() {
	if err := do(os.Args[1], os.Args[2]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func do(what, with string) error {
	switch what {
	case "memory", "threads", "files":
		n, err := strconv.Atoi(with)
		if err != nil {
			return err
		}
		return map[string]func(int) error{"memory": memory, "threads": threads, "files": files}[what](n)
	case "read":
		_, err := os.ReadFile(with)
		return err
	case "write":
		return os.WriteFile(with, []byte("x"), 0o600)
	case "link":
		return os.Symlink("somewhere", with)
	case "chmod":
		f, err := os.Open(with)
		if err != nil {
			return err
		}
		return f.Chmod(0o600)
	case "use":
		return use(with)
	}
	return fmt.Errorf("no such thing as %q", what)
}

// memory allocates n MiB without using them.
func memory(n int) error {
	var all [][]byte
	for range n {
		all = append(all, make([]byte, 1<<20))
	}
	runtime.KeepAlive(all)
	return nil
}

func threads(n int) error {
	started := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			started <- struct{}{}
			select {}
		}()
	}
	for range n {
		<-started
	}
	return nil
}

func files(n int) error {
	for i := range n {
		if _, err := os.Open("/dev/null"); err != nil {
			return fmt.Errorf("after %d: %w", i, err)
		}
	}
	return nil
}

// use does in a folder what a sink does.
func use(dir string) error {
	part, whole := filepath.Join(dir, "sub", "a.part"), filepath.Join(dir, "sub", "a")
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		return err
	}
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { _, err := f.WriteString("text"); return err },
		func() error { return f.Truncate(2) },
		f.Sync, f.Close,
		func() error { return os.Rename(part, whole) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	raw, err := os.ReadFile(whole)
	if err == nil && string(raw) != "te" {
		err = fmt.Errorf("it holds %q", raw)
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(part))
}
