// Power cuts: the disks that a power failure may leave, given what was synced.
//
// The model is that of POSIX, and stricter than most file systems. Any part of what was written to
// a file since its last sync may be kept, in any order. The same holds for a name that was made,
// moved or removed since its folder was last synced. A synced file may lack its name, and a name
// may be durable before its file's content.

package crashtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Cut is a disk as a power cut may leave it.
type Cut struct {
	After int    // number of operations that were done, Said ones included
	How   string // which unsynced changes were kept
	files map[string][]byte
	dirs  map[string]bool
}

// Restore writes the disk's content into an empty folder.
func (c Cut) Restore(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(c.dirs)) {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(name)), 0o755); err != nil {
			return err
		}
	}
	for name, content := range c.files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// PowerCuts yields the disks that a power cut may leave after each operation: with no unsynced
// change, with all of them, with names but no content, and two at random. It does not yield a disk
// again unless more had been Said by then.
func (o *Outcome) PowerCuts(seed uint64) iter.Seq[Cut] {
	return func(yield func(Cut) bool) {
		random := rand.New(rand.NewPCG(seed, 6))
		seen := map[[sha256.Size]byte]bool{}
		said := 0
		d := o.before.clone()
		for n := 0; n <= len(o.Ops); n++ {
			if n > 0 {
				d.do(o.Ops[n-1])
				if o.Ops[n-1].Kind == Said {
					said = n
				}
			}
			for _, k := range []keeping{keepNone(), keepAll(), keepNames(), keepSome(random), keepSome(random)} {
				c := d.cut(k)
				c.After = n
				if key := c.sum(said); !seen[key] {
					seen[key] = true
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

// Killed returns the disk after the first n operations with all changes kept: what the next process
// finds after a kill.
func (o *Outcome) Killed(n int) Cut {
	d := o.before.clone()
	for _, op := range o.Ops[:n] {
		d.do(op)
	}
	c := d.cut(keepAll())
	c.After = n
	return c
}

// Followed returns the first n operations, after which the process was killed, followed by those of
// the process that continued from there. A power cut in the second can lose changes that the first
// one has not synced.
func (o *Outcome) Followed(n int, by *Outcome) *Outcome {
	return &Outcome{Ops: slices.Concat(o.Ops[:n], by.Ops), before: o.before, Code: by.Code, Output: by.Output}
}

// GoOn runs the program, recorded, in an empty root with the disk that another program left when it
// was killed after n operations. It returns both as one: see [Outcome.Followed].
func (p Program) GoOn(ctx context.Context, killed *Outcome, n int) (*Outcome, error) {
	if err := killed.Killed(n).Restore(p.Root); err != nil {
		return nil, err
	}
	p.Record = true
	out, err := p.Run(ctx)
	if err != nil {
		return out, err
	}
	return killed.Followed(n, out), nil
}

// BeforeSyncs returns the operation counts right before a sync, where a power cut after a kill can
// lose the most.
func (o *Outcome) BeforeSyncs() []int {
	var out []int
	for n, op := range o.Ops {
		if op.Kind == Sync {
			out = append(out, n)
		}
	}
	return out
}

func (c Cut) sum(said int) (out [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintln(h, said, slices.Sorted(maps.Keys(c.dirs)))
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		fmt.Fprintf(h, "%q %x\n", name, sha256.Sum256(c.files[name]))
	}
	h.Sum(out[:0])
	return out
}

// inode is a file or folder without its names.
type inode struct {
	synced []byte // content at the last sync
	since  []Op   // writes and truncations after that

	folder       bool
	now, durable map[string]*inode // content of a folder
}

func newFolder() *inode {
	return &inode{folder: true, now: map[string]*inode{}, durable: map[string]*inode{}}
}

// naming gives names to inodes, or removes them, atomically.
type naming []struct {
	folder *inode
	name   string
	to     *inode // nil: the name is removed
}

// disk is the durable content of a disk and the changes that are not durable yet.
type disk struct {
	root    *inode
	namings []naming // changes of names since their folders were last synced
}

// readDisk reads a folder as a disk on which everything is durable.
func readDisk(dir string) (*disk, error) {
	d := &disk{root: newFolder()}
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		n := newFolder()
		if !e.IsDir() {
			n = &inode{}
			if n.synced, err = os.ReadFile(file); err != nil {
				return err
			}
		}
		folder, name := d.place(filepath.ToSlash(rel))
		folder.now[name], folder.durable[name] = n, n
		return nil
	})
	return d, err
}

// clone copies a disk without pending changes.
func (d *disk) clone() *disk {
	if d == nil {
		return &disk{root: newFolder()}
	}
	return &disk{root: d.root.clone()}
}

func (n *inode) clone() *inode {
	out := &inode{synced: n.synced, folder: n.folder}
	if n.folder {
		out = newFolder()
		for name, c := range n.now {
			c = c.clone()
			out.now[name], out.durable[name] = c, c
		}
	}
	return out
}

// find returns the inode of a path, or nil.
func (d *disk) find(name string) *inode {
	n := d.root
	if name == "." {
		return n
	}
	for part := range strings.SplitSeq(name, "/") {
		if n == nil || !n.folder {
			return nil
		}
		n = n.now[part]
	}
	return n
}

func (d *disk) place(name string) (*inode, string) {
	return d.find(path.Dir(name)), path.Base(name)
}

// name records that names are given or removed.
func (d *disk) name(changes naming) {
	for _, c := range changes {
		if c.folder == nil {
			return // the file has no name any more
		}
		if c.to == nil {
			delete(c.folder.now, c.name)
		} else {
			c.folder.now[c.name] = c.to
		}
	}
	d.namings = append(d.namings, changes)
}

// do applies an operation.
func (d *disk) do(o Op) {
	folder, name := d.place(o.Path)
	to, newName := d.place(o.To)
	n := d.find(o.Path)
	switch o.Kind {
	case Create:
		d.name(naming{{folder, name, &inode{}}})
	case Mkdir:
		d.name(naming{{folder, name, newFolder()}})
	case Remove:
		d.name(naming{{folder, name, nil}})
	case Link:
		d.name(naming{{to, newName, n}})
	case Rename:
		d.name(naming{{folder, name, nil}, {to, newName, n}})
	case Write, Truncate:
		if n != nil {
			n.since = append(n.since, o)
		}
	case Sync:
		d.sync(n)
	}
}

func (d *disk) sync(n *inode) {
	switch {
	case n == nil:
	case n.folder:
		d.syncFolder(n)
	default:
		n.synced, n.since = n.content(keepAll()), nil
	}
}

// syncFolder makes the names of a folder durable, with names in other folders that changed together
// with them.
func (d *disk) syncFolder(n *inode) {
	synced := map[*inode]bool{n: true}
	for i := len(d.namings) - 1; i >= 0; i-- {
		if d.namings[i].within(synced) {
			for _, c := range d.namings[i] {
				synced[c.folder] = true
			}
		}
	}
	d.namings = slices.DeleteFunc(d.namings, func(changes naming) bool {
		if !synced[changes[0].folder] {
			return false
		}
		changes.apply(func(n *inode) map[string]*inode { return n.durable })
		return true
	})
}

// within reports whether one of the names is in one of the folders.
func (n naming) within(folders map[*inode]bool) bool {
	for _, c := range n {
		if folders[c.folder] {
			return true
		}
	}
	return false
}

func (n naming) apply(names func(*inode) map[string]*inode) {
	for _, c := range n {
		if c.to == nil {
			delete(names(c.folder), c.name)
		} else {
			names(c.folder)[c.name] = c.to
		}
	}
}

// keeping says which unsynced changes a power cut keeps.
type keeping struct {
	how   string
	name  func() bool
	write func() (whole, half bool)
	sizes bool // files keep their length, with zeros for lost content
}

func always() bool { return true }
func never() bool  { return false }

func keepNone() keeping {
	return keeping{how: "nothing", name: never, write: func() (bool, bool) { return false, false }}
}

func keepAll() keeping {
	return keeping{how: "all", name: always, write: func() (bool, bool) { return true, false }}
}

func keepNames() keeping {
	return keeping{how: "names and sizes", name: always, write: func() (bool, bool) { return false, false },
		sizes: true}
}

func keepSome(r *rand.Rand) keeping {
	return keeping{
		how: "some", name: func() bool { return r.IntN(2) == 0 }, sizes: r.IntN(2) == 0,
		write: func() (bool, bool) { n := r.IntN(5); return n < 2, n == 2 },
	}
}

// content returns the kept content of a file.
func (n *inode) content(k keeping) []byte {
	out := slices.Clone(n.synced)
	size := len(out)
	for _, o := range n.since {
		if o.Kind == Truncate {
			size = int(o.Size)
		} else {
			size = max(size, int(o.Offset)+len(o.Data))
		}
		if whole, half := k.write(); whole || half {
			if half {
				o.Data = o.Data[:len(o.Data)/2]
			}
			out = o.on(out, half)
		}
	}
	if k.sizes {
		out = resized(out, size)
	}
	return out
}

// on applies a write or a truncation to content. Half of a truncation is none.
func (o Op) on(content []byte, half bool) []byte {
	if o.Kind == Truncate {
		if half {
			return content
		}
		return resized(content, int(o.Size))
	}
	content = resized(content, max(len(content), int(o.Offset)+len(o.Data)))
	copy(content[o.Offset:], o.Data)
	return content
}

func resized(content []byte, size int) []byte {
	if size <= len(content) {
		return content[:size]
	}
	return append(content, make([]byte, size-len(content))...)
}

// cut returns the disk if the power fails now.
func (d *disk) cut(k keeping) Cut {
	names := map[*inode]map[string]*inode{}
	of := func(n *inode) map[string]*inode {
		if names[n] == nil {
			names[n] = maps.Clone(n.durable)
		}
		return names[n]
	}
	lost := map[string]bool{} // a lost name gets no later change either
	for _, changes := range d.namings {
		keep := k.name()
		for _, c := range changes {
			keep = keep && !lost[fmt.Sprintf("%p %s", c.folder, c.name)]
		}
		if keep {
			changes.apply(of)
			continue
		}
		for _, c := range changes {
			lost[fmt.Sprintf("%p %s", c.folder, c.name)] = true
		}
	}
	out := Cut{How: k.how, files: map[string][]byte{}, dirs: map[string]bool{}}
	contents := map[*inode][]byte{} // a file with two names is one file
	content := func(n *inode) []byte {
		if _, known := contents[n]; !known {
			contents[n] = n.content(k)
		}
		return contents[n]
	}
	out.collect(d.root, "", of, content)
	return out
}

func (c Cut) collect(n *inode, prefix string, of func(*inode) map[string]*inode, content func(*inode) []byte) {
	names := of(n)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		child := names[name]
		if !child.folder {
			c.files[prefix+name] = content(child)
			continue
		}
		c.dirs[prefix+name] = true
		c.collect(child, prefix+name+"/", of, content)
	}
}
