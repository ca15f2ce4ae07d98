// Bait: what the plugin tries to reach, and how it is found out that it did.

package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// secret is what the files hold. Each attempt that would change one has its own.
const secret = "hunter2 is what no plugin reads\n"

var baitFiles = []string{"secret", "write", "truncate", "mode", "time", "attribute", "rename", "remove", "link"}

// originAttribute is where browsers keep the address of what they downloaded, with its password.
const originAttribute = "user.xdg.origin.url"

type bait struct {
	settings settings
	closers  []func() error

	tcp, udp, unix atomic.Int64 // how often somebody came
}

func layBait(ctx context.Context) (b *bait, err error) {
	b = &bait{settings: settings{Host: os.Getpid(), Memory: Memory + 64<<20}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.settings.Folder, err = os.MkdirTemp("", "scrapekit-probe-"); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() error { return os.RemoveAll(b.settings.Folder) })
	b.settings.Read, b.settings.Write = b.path("to read"), b.path("to write")
	for _, dir := range []string{b.settings.Read, b.settings.Write} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{b.settings.Folder, b.settings.Read} {
		for _, name := range baitFiles {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600); err != nil {
				return nil, err
			}
			if err := os.Chtimes(filepath.Join(dir, name), baitTime, baitTime); err != nil {
				return nil, err
			}
		}
	}
	// Not every file system has attributes: then there is none to be found.
	_ = unix.Setxattr(b.path("secret"), originAttribute, []byte("https://user:hunter2@example.com/"), 0)
	if err := os.Symlink("/hunter2", b.path("link to a secret")); err != nil {
		return nil, err
	}
	if b.settings.Threads, err = tooManyThreads(); err != nil {
		return nil, err
	}
	return b, b.listen(ctx)
}

// baitTime is when the files were last written.
var baitTime = time.Unix(1_000_000_000, 0)

// tooManyThreads is beyond what the plugin may have: its limit lies beyond all that the machine
// has, and more may come.
func tooManyThreads() (int, error) {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	var load [3]float64
	var running, all int
	if _, err := fmt.Sscanf(string(raw), "%f %f %f %d/%d", &load[0], &load[1], &load[2], &running, &all); err != nil {
		return 0, fmt.Errorf("/proc/loadavg: %q: %w", raw, err)
	}
	return all + 3*Threads, nil
}

func (b *bait) path(name string) string { return filepath.Join(b.settings.Folder, name) }

// listen opens everything that the plugin may try to talk to.
func (b *bait) listen(ctx context.Context) error {
	var listenConfig net.ListenConfig
	tcp, err := listenConfig.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.settings.TCP = tcp.Addr().(*net.TCPAddr).Port
	b.accept(tcp, &b.tcp)
	if tcp6, err := listenConfig.Listen(ctx, "tcp6", "[::1]:0"); err == nil { // not every machine has it
		b.settings.TCP6 = tcp6.Addr().(*net.TCPAddr).Port
		b.accept(tcp6, &b.tcp)
	}
	udp, err := listenConfig.ListenPacket(ctx, "udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.settings.UDP = udp.LocalAddr().(*net.UDPAddr).Port
	b.receive(udp, &b.udp)

	b.settings.Unix, b.settings.Datagram = b.path("stream.sock"), b.path("datagram.sock")
	b.settings.Abstract = "@" + filepath.Base(b.settings.Folder)
	b.settings.Listen = b.settings.Abstract + "-plugin"
	for _, name := range []string{b.settings.Unix, b.settings.Abstract} {
		l, err := listenConfig.Listen(ctx, "unix", name)
		if err != nil {
			return err
		}
		b.accept(l, &b.unix)
	}
	datagram, err := listenConfig.ListenPacket(ctx, "unixgram", b.settings.Datagram)
	if err != nil {
		return err
	}
	b.receive(datagram, &b.unix)
	return nil
}

func (b *bait) accept(l net.Listener, came *atomic.Int64) {
	b.closers = append(b.closers, l.Close)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // it was closed
			}
			came.Add(1)
			_ = c.Close()
		}
	}()
}

func (b *bait) receive(c net.PacketConn, came *atomic.Int64) {
	b.closers = append(b.closers, c.Close)
	go func() {
		for {
			if _, _, err := c.ReadFrom(make([]byte, 16)); err != nil {
				return // it was closed
			}
			came.Add(1)
		}
	}()
}

func (b *bait) close() {
	for _, c := range slices.Backward(b.closers) {
		_ = c() // the probe is over
	}
}

// look returns a row for what has become of the bait although the plugin says that nothing was
// allowed.
func (b *bait) look(results []Result) (more []Result) {
	found := func(group, what string) {
		if !slices.ContainsFunc(results, func(r Result) bool { return r.Group == group && r.Allowed }) {
			more = append(more, Result{Group: group, Name: "what the host saw", Allowed: true, Said: what})
		}
	}
	if b.tcp.Load()+b.udp.Load()+b.unix.Load() > 0 {
		found("network", "somebody came, though the plugin says otherwise")
	}
	if err := b.intact(); err != nil {
		found("files", err.Error())
	}
	return more
}

// intact says which file is not as it was, and what was left behind that others may follow or run.
func (b *bait) intact() error {
	var errs []error
	for _, dir := range []string{b.settings.Folder, b.settings.Read} {
		for _, name := range baitFiles {
			path := filepath.Join(dir, name)
			raw, err := os.ReadFile(path)
			info, statErr := os.Lstat(path)
			if err != nil || statErr != nil || string(raw) != secret || info.Mode() != 0o600 ||
				!info.ModTime().Equal(baitTime) {
				errs = append(errs, fmt.Errorf("the file %q is not what it was", path))
			}
		}
	}
	for dir, others := range map[string]int{b.settings.Folder: 5, b.settings.Read: 0} {
		entries, err := os.ReadDir(dir)
		if err == nil && len(entries) != len(baitFiles)+others {
			err = fmt.Errorf("there are other files in %q than there were", dir)
		}
		errs = append(errs, err)
	}
	left, err := os.ReadDir(b.settings.Write)
	errs = append(errs, err)
	for _, e := range left {
		info, err := e.Info()
		if err != nil || info.Mode()&^fs.ModePerm != 0 && !info.IsDir() ||
			info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			errs = append(errs, errors.Join(err, fmt.Errorf("it made %q, which is %v", e.Name(), info.Mode())))
		}
	}
	return errors.Join(errs...)
}
