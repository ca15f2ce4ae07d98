// Secrets that a run obtains: from commands of the pipeline file, and from the system's keyring.

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

// secret is one of them. All stages share its value.
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

// after returns a secret that was obtained after the time past. If several callers reject the same
// value, only the first one runs the command.
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
	s.redact.Add(value) // before the value can reach any output
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
	longestWords  = 1 << 10 // of a failing command's output
)

// run returns the output of the command without its final line break.
func (s *secret) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout,
		fmt.Errorf("%s was not done within %s", s.Exec[0], s.Timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Exec[0], s.Exec[1:]...)
	cmd.Dir, cmd.WaitDelay = s.Dir, time.Second // a grandchild may keep the pipes open

	const lineBreak = 16 // room for the final line break, which is not part of the secret
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

// prefix keeps the first bytes of a command's output. The buffer is not embedded, because io.Copy
// would use its ReadFrom and read without a bound.
type prefix struct {
	kept bytes.Buffer
	most int
	full func() // called when the limit is exceeded, to stop the command; nil: drop the rest
}

func (p *prefix) Write(b []byte) (int, error) {
	p.kept.Write(b[:min(len(b), p.most-p.kept.Len())])
	if p.full != nil && p.kept.Len() == p.most {
		p.full()
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// hidden returns the output of a failing command for people: known secrets, including those of the
// environment, are removed, and it is cut. The command's author must not print others.
func (s *secret) hidden(said string) string {
	var environment redact.Set
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); redact.NamesSecret(name) {
			environment.Add(value)
		}
	}
	// Redact before cutting, because half a secret is not recognised.
	said = strings.TrimSpace(environment.String(s.redact.String(said)))
	if len(said) > longestWords {
		said = strings.ToValidUTF8(said[:longestWords], "") + "…"
	}
	return said
}

// lateAuth is a credential's value with placeholders for secrets.
type lateAuth struct {
	value   credential.Value
	secrets []*secret
	got     map[*secret]time.Time // when each used secret was obtained
}

// newLateAuth returns nil if v contains no placeholder.
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

// credential returns c with its secrets filled in, and with a function that obtains new ones.
func (l *lateAuth) credential(ctx context.Context, c credential.Credential) (credential.Credential, error) {
	var err error
	c.Value, err = l.next(ctx)
	c.Renew, c.TTL = l.next, l.ttl()
	return c, err
}

// next returns the value with secrets that are newer than those of the previous call.
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

// ttl returns the shortest lifetime of the secrets.
func (l *lateAuth) ttl() time.Duration {
	var least time.Duration
	for _, s := range l.secrets {
		if s.TTL > 0 && (least == 0 || s.TTL < least) {
			least = s.TTL
		}
	}
	return least
}
