// calls: a system call as an operation on files.

//go:build linux && (amd64 || arm64)

package crashtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// call is a system call that a thread is about to make.
type call struct {
	thread int
	nr     int
	args   [6]uint64
}

// reading returns the operation of a call.
type reading func(c *call, t *tracer) (Op, error)

// dir and name in the table are the indexes of the arguments that give a path; -1: the working
// folder.
func at(kind Kind, dir, name int) reading {
	return func(c *call, _ *tracer) (Op, error) {
		path, err := c.path(dir, name)
		return Op{Kind: kind, Path: path}, err
	}
}

func two(kind Kind, dir, name, toDir, toName int) reading {
	return func(c *call, _ *tracer) (Op, error) {
		path, err := c.path(dir, name)
		if err != nil {
			return Op{}, err
		}
		to, err := c.path(toDir, toName)
		return Op{Kind: kind, Path: path, To: to}, err
	}
}

// opening is only called for opens that may change something.
func opening(dir, name, flags int) reading {
	return func(c *call, _ *tracer) (Op, error) {
		path, err := c.path(dir, name)
		if err != nil {
			return Op{}, err
		}
		info, err := os.Stat(path)
		switch {
		case err != nil && c.args[flags]&syscall.O_CREAT != 0:
			return Op{Kind: Create, Path: path}, nil
		case err == nil && info.Mode().IsRegular() && c.args[flags]&syscall.O_TRUNC != 0:
			return Op{Kind: Truncate, Path: path}, nil
		}
		return Op{}, nil // nothing changes
	}
}

func onFile(kind Kind) reading {
	return func(c *call, _ *tracer) (Op, error) {
		path, err := c.file(0)
		return Op{Kind: kind, Path: path}, err
	}
}

func cutting(c *call, _ *tracer) (Op, error) {
	path, err := c.file(0)
	return Op{Kind: Truncate, Path: path, Size: int64(c.args[1])}, err
}

func cuttingByName(c *call, _ *tracer) (Op, error) {
	path, err := c.path(-1, 0)
	return Op{Kind: Truncate, Path: path, Size: int64(c.args[1])}, err
}

func writing(c *call, t *tracer) (Op, error) {
	path, err := c.file(0)
	if err != nil {
		return Op{}, err
	}
	if path == t.stdout {
		data, err := c.memory(c.args[1], c.args[2])
		return Op{Kind: Said, Data: data}, err
	}
	op := Op{Kind: Write, Path: path, Size: int64(c.args[2])}
	if !t.counts(path) {
		return op, nil
	}
	if op.Offset, err = c.position(path); err != nil {
		return Op{}, err
	}
	if t.Record {
		op.Data, err = c.memory(c.args[1], c.args[2])
	}
	return op, err
}

func writingAt(c *call, t *tracer) (Op, error) {
	path, err := c.file(0)
	op := Op{Kind: Write, Path: path, Size: int64(c.args[2]), Offset: int64(c.args[3])}
	if err == nil && t.Record && t.counts(path) {
		op.Data, err = c.memory(c.args[1], c.args[2])
	}
	return op, err
}

// unknown is for calls whose changes this package does not model: an error is better than a missed
// change.
func unknown(c *call, t *tracer) (Op, error) {
	for i := range 3 { // copy_file_range has the output file as third argument
		if path, err := c.file(i); err == nil && t.counts(path) {
			return Op{}, fmt.Errorf("system call %d on %s: crashtest does not know it", c.nr, path)
		}
	}
	return Op{}, nil
}

// file returns the path of an open file.
func (c *call) file(arg int) (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.thread, int32(c.args[arg])))
}

// path returns a path that is given as a string.
func (c *call) path(dir, name int) (string, error) {
	text, err := c.text(c.args[name])
	if err != nil || filepath.IsAbs(text) {
		return filepath.Clean(text), err
	}
	base := fmt.Sprintf("/proc/%d/cwd", c.thread)
	if dir >= 0 && int32(c.args[dir]) != atWorkingFolder {
		base = fmt.Sprintf("/proc/%d/fd/%d", c.thread, int32(c.args[dir]))
	}
	folder, err := os.Readlink(base)
	return filepath.Join(folder, text), err
}

const atWorkingFolder = -100

// position is the offset of the next write to an open file.
func (c *call) position(path string) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", c.thread, int32(c.args[0])))
	if err != nil {
		return 0, err
	}
	var pos int64
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "pos":
			if pos, err = strconv.ParseInt(value, 10, 64); err != nil {
				return 0, err
			}
		case "flags":
			flags, err := strconv.ParseInt(value, 8, 64)
			if err != nil {
				return 0, err
			}
			if flags&syscall.O_APPEND != 0 {
				info, err := os.Stat(path)
				if err != nil {
					return 0, err
				}
				return info.Size(), nil
			}
		}
	}
	return pos, nil
}

func (c *call) memory(address, n uint64) ([]byte, error) {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.thread))
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	out := make([]byte, n)
	_, err = mem.ReadAt(out, int64(address))
	return out, err
}

// text reads a string that ends with a zero.
func (c *call) text(address uint64) (string, error) {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.thread))
	if err != nil {
		return "", err
	}
	defer mem.Close()
	var out []byte
	const page = 4096
	for {
		part := make([]byte, page-address%page)
		if _, err := mem.ReadAt(part, int64(address)); err != nil {
			return "", err
		}
		text, _, ended := bytes.Cut(part, []byte{0})
		out = append(out, text...)
		if ended {
			return string(out), nil
		}
		address += uint64(len(part))
	}
}
