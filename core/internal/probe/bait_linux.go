// Bait: what the plugin tries to reach, and how it is found out that it did.

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
)

// secret is what the files hold. Each attempt that would change one has its own.
const secret = "hunter2 is what no plugin reads\n"

var baitFiles = []string{"secret", "write", "truncate", "mode", "time", "attribute", "rename", "remove", "link"}

type bait struct {
	settings settings
	closers  []func() error

	tcp, udp, unix atomic.Int64 // how often somebody came
}

func layBait(ctx context.Context) (b *bait, err error) {
	b = &bait{settings: settings{Host: os.Getpid()}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.settings.Folder, err = os.MkdirTemp("", "scrapekit-probe-"); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() error { return os.RemoveAll(b.settings.Folder) })
	for _, name := range baitFiles {
		if err := os.WriteFile(b.path(name), []byte(secret), 0o600); err != nil {
			return nil, err
		}
	}
	return b, b.listen(ctx)
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

// look returns a row for what has become of the bait although the plugin says that nothing was allowed.
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

// intact says which file is not as it was.
func (b *bait) intact() error {
	var errs []error
	for _, name := range baitFiles {
		raw, err := os.ReadFile(b.path(name))
		info, statErr := os.Lstat(b.path(name))
		if err != nil || statErr != nil || string(raw) != secret || info.Mode() != 0o600 {
			errs = append(errs, fmt.Errorf("the file %q is not what it was", name))
		}
	}
	entries, err := os.ReadDir(b.settings.Folder)
	if err == nil && len(entries) != len(baitFiles)+2 {
		err = errors.New("there are other files in the folder than there were")
	}
	return errors.Join(append(errs, err)...)
}
