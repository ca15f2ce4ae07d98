// Secrets that a run obtains: by commands of the pipeline file, and from the keyring of the system.

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// secret is one of them. What it is, all stages share.
type secret struct {
	config.Secret
	redact *redact.Set

	mu    sync.Mutex
	value string
	at    time.Time // when it was obtained; zero: not yet
}

func newSecrets(all []config.Secret, set *redact.Set) []*secret {
	var out []*secret
	for _, s := range all {
		out = append(out, &secret{Secret: s, redact: set})
	}
	return out
}

// after returns the secret, obtained after a time: of several callers who had the same one, only
// the first runs the command.
func (s *secret) after(ctx context.Context, past time.Time) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at.After(past) && (s.TTL == 0 || time.Since(s.at) < s.TTL) {
		return s.value, s.at, nil
	}
	value, err := s.obtain(ctx)
	if err != nil {
		return "", time.Time{}, s.redact.Error(fmt.Errorf("%s: %w", s.Title, err))
	}
	s.redact.Add(value) // before it can be anywhere
	s.value, s.at = value, time.Now()
	return s.value, s.at, nil
}

func (s *secret) obtain(ctx context.Context) (string, error) {
	if s.Exec != nil {
		return s.run(ctx)
	}
	value, err := keyring.Get(s.Service, s.User)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", errors.New("the keyring holds no such password")
	}
	return value, err
}

const (
	longestSecret = 64 << 10
	longestWords  = 1 << 10 // of a command that fails
)

// run returns what the command prints, without the line break at its end.
func (s *secret) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout,
		fmt.Errorf("%s was not done within %s", s.Exec[0], s.Timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Exec[0], s.Exec[1:]...)
	cmd.Dir, cmd.WaitDelay = s.Dir, time.Second // a child of its own may hold the pipes

	const lineBreak = 16 // at the end, which does not count
	out, words := prefix{most: longestSecret + lineBreak, full: cancel}, prefix{most: longestSecret}
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	value := strings.TrimRight(out.kept.String(), "\r\n")
	switch {
	case len(value) > longestSecret || out.kept.Len() == out.most:
		return "", fmt.Errorf("%s printed more than %d KiB", s.Exec[0], longestSecret>>10)
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		s.redact.Add(value)
		said := s.hidden(words.kept.String())
		if said == "" {
			return "", fmt.Errorf("%s: %w", s.Exec[0], err)
		}
		return "", fmt.Errorf("%s: %w: %q", s.Exec[0], err, said)
	case value == "":
		return "", fmt.Errorf("%s printed nothing", s.Exec[0])
	}
	return value, nil
}

// prefix keeps the first bytes of what a command prints. The buffer is no embedded one: io.Copy
// would read into that without a bound.
type prefix struct {
	kept bytes.Buffer
	most int
	full func() // called when there is more, which then ends the reading; nil: what is more is dropped
}

func (p *prefix) Write(b []byte) (int, error) {
	p.kept.Write(b[:min(len(b), p.most-p.kept.Len())])
	if p.full != nil && p.kept.Len() == p.most {
		p.full()
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// hidden is what a command that fails has said, for people: without what is known to be secret, be
// it of the environment, and no longer than needs be. What else it tells is for its author to leave
// out.
func (s *secret) hidden(said string) string {
	var environment redact.Set
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); redact.Telling(name) {
			environment.Add(value)
		}
	}
	// before it is cut: half a secret is not known for one
	said = strings.TrimSpace(environment.String(s.redact.String(said)))
	if len(said) > longestWords {
		said = strings.ToValidUTF8(said[:longestWords], "") + "…"
	}
	return said
}

// lateAuth is the value of a credential with stand-ins in it.
type lateAuth struct {
	value   credential.Value
	secrets []*secret
	got     map[*secret]time.Time // when what was last put in was obtained
}

// newLateAuth returns nil if v needs no secret.
func newLateAuth(v credential.Value, all []*secret) *lateAuth {
	late := &lateAuth{value: v, got: map[*secret]time.Time{}}
	for _, s := range all {
		needs := false
		v.Map(func(text string) string {
			needs = needs || strings.Contains(text, s.StandIn)
			return text
		})
		if needs {
			late.secrets = append(late.secrets, s)
		}
	}
	if late.secrets == nil {
		return nil
	}
	return late
}

// credential returns c with the secrets in place, and with what obtains them again.
func (l *lateAuth) credential(ctx context.Context, c credential.Credential) (credential.Credential, error) {
	var err error
	c.Value, err = l.next(ctx)
	c.Renew, c.TTL = l.next, l.ttl()
	return c, err
}

// next returns the value with secrets that are newer than those of the call before.
func (l *lateAuth) next(ctx context.Context) (credential.Value, error) {
	out := l.value
	for _, s := range l.secrets {
		value, at, err := s.after(ctx, l.got[s])
		if err != nil {
			return nil, err
		}
		l.got[s] = at
		out = out.Map(func(text string) string { return strings.ReplaceAll(text, s.StandIn, value) })
	}
	return out, nil
}

// ttl is how long the credential is good: as long as the first of its secrets.
func (l *lateAuth) ttl() time.Duration {
	var least time.Duration
	for _, s := range l.secrets {
		if s.TTL > 0 && (least == 0 || s.TTL < least) {
			least = s.TTL
		}
	}
	return least
}
