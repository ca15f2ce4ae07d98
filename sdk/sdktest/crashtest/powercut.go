// Power cuts: what a disk may hold after the power failed, by what was synced and what was not.
//
// The model is that of POSIX, and harder than most file systems are. What was written to a file
// since it was last synced may be there, or not, or in part, in any order. So may a name that was
// made, moved or removed since its folder was last synced. A file that was synced may lack its
// name; a name may come before what is in its file.

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
	After int    // how many of the operations were done, what was Said among them
	How   string // what of the unsynced was kept
	files map[string][]byte
	dirs  map[string]bool
}

// Restore puts the disk's content into an empty folder.
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

// PowerCuts yields the disks that a power cut may leave after each operation: nothing unsynced was
// kept, all of it, names without content, and two at random. A disk that was yielded before, at a
// time when no less had been Said, does not come again.
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

// Killed returns what is there after the first n operations if all of it is kept: the disk as the
// next process finds it after a kill.
func (o *Outcome) Killed(n int) Cut {
	d := o.before.clone()
	for _, op := range o.Ops[:n] {
		d.do(op)
	}
	c := d.cut(keepAll())
	c.After = n
	return c
}

// Followed returns the first n operations, after which the process was killed, and those of the
// process that went on from there: what the first one has not synced a power cut can take from the
// second.
func (o *Outcome) Followed(n int, by *Outcome) *Outcome {
	return &Outcome{Ops: slices.Concat(o.Ops[:n], by.Ops), before: o.before, Code: by.Code, Output: by.Output}
}

// GoOn runs the program, recorded, in an empty root from what is there after the first n operations
// of another, which was killed then, and returns both as one: see [Outcome.Followed].
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

// BeforeSyncs returns after how many operations something would be synced next: where a kill leaves
// the most to a power cut.
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

// inode is a file or folder, whatever it is called.
type inode struct {
	synced []byte // content of a file at its last sync
	since  []Op   // writes and cuts after that

	folder       bool
	now, durable map[string]*inode // content of a folder
}

func newFolder() *inode {
	return &inode{folder: true, now: map[string]*inode{}, durable: map[string]*inode{}}
}

// naming gives names to inodes, or takes them away: all of it or nothing.
type naming []struct {
	folder *inode
	name   string
	to     *inode // nil: the name goes
}

// disk is what is on a disk and what is on its way there.
type disk struct {
	root    *inode
	namings []naming // since their folders were last synced
}

// readDisk returns what is in a folder, all of it durable.
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

// clone copies a disk on which nothing is on its way.
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

// find returns what a path names, or nil.
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

// name notes that names are given or taken away.
func (d *disk) name(changes naming) {
	for _, c := range changes {
		if c.folder == nil {
			return // of a file whose name is gone
		}
		if c.to == nil {
			delete(c.folder.now, c.name)
		} else {
			c.folder.now[c.name] = c.to
		}
	}
	d.namings = append(d.namings, changes)
}

// do makes an operation.
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

// syncFolder makes the names of a folder durable, and those of others that hang together with them.
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

// keeping says what of the unsynced a power cut keeps.
type keeping struct {
	how   string
	name  func() bool
	write func() (whole, half bool)
	sizes bool // files are as long as they were, with zeros where nothing was kept
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

// content returns a file as far as it was kept.
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

// on makes a write or a cut on content; half of a cut is none.
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

// cut returns what is on the disk if the power fails now.
func (d *disk) cut(k keeping) Cut {
	names := map[*inode]map[string]*inode{}
	of := func(n *inode) map[string]*inode {
		if names[n] == nil {
			names[n] = maps.Clone(n.durable)
		}
		return names[n]
	}
	lost := map[string]bool{} // a name that was not kept does not get what it was given later
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
	contents := map[*inode][]byte{} // a file of two names is one file
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
