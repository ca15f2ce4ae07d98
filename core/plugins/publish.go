// What a plugin's author does before others can install it: keys, packing, signing, publishing.

package plugins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/publish"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
)

// Packed describes a folder with a release of a plugin.
type Packed struct {
	Dir         string          `json:"dir"`
	Source      string          `json:"source"`
	Name        string          `json:"name"`
	Kind        sdk.Kind        `json:"kind"`
	Version     string          `json:"version"`
	Index       string          `json:"index"`
	Platforms   []string        `json:"platforms"`
	Permissions sdk.Permissions `json:"permissions"`
	Paths       PathSettings    `json:"paths,omitzero"`
	Key         string          `json:"key,omitempty"`    // key that signed it
	KeyID       string          `json:"key_id,omitempty"` // short form of the key
	Files       []string        `json:"files"`
	GitHub      bool            `json:"-"` // the target is a release on GitHub
}

// openPacked reads a folder that was packed.
func openPacked(dir string) (*publish.Folder, *Packed, error) {
	f, err := publish.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	key, err := f.Signer()
	if err != nil {
		return nil, nil, err
	}
	return f, packed(dir, f, key), nil
}

func packed(dir string, f *publish.Folder, key artifact.Key) *Packed {
	s := f.Statement
	p := &Packed{
		Dir: dir, Source: s.Source, Name: s.Manifest.Name, Kind: s.Manifest.Kind, Version: s.Manifest.Version,
		Index:       s.Index.String(),
		Permissions: s.Manifest.Permissions, Paths: s.Manifest.Paths, Key: string(key), KeyID: key.ID(),
		Files: f.Files(),
	}
	for _, platform := range s.Platforms() {
		p.Platforms = append(p.Platforms, string(platform))
	}
	source, err := artifact.ParseSource(s.Source)
	p.GitHub = err == nil && source.Kind == artifact.GitHub
	return p
}

// Packing is the input of Pack.
type Packing struct {
	Source   string   // where it will be published
	Programs []string // PATH, or PLATFORM=PATH
	Include  []string // further files, such as LICENSE
	// Describe is a file with the output of the program's --describe; "": Pack starts the program
	// for this platform.
	Describe string
	Dir      string // folder to make
	Sandbox  string // sandbox level for starting the program; "": that of the environment
}

// Pack makes a folder with a release of a plugin.
func Pack(ctx context.Context, p Packing) (*Packed, error) {
	packing := publish.Packing{Source: p.Source, Include: p.Include, Dir: filepath.Clean(p.Dir)}
	for _, text := range p.Programs {
		program, err := publish.ParseProgram(text)
		if err != nil {
			return nil, err
		}
		packing.Programs = append(packing.Programs, program)
	}
	info, err := p.describe(ctx, packing.Programs)
	if err != nil {
		return nil, err
	}
	paths, err := artifact.PathsOf(info)
	if err != nil {
		return nil, fmt.Errorf("the description of the plugin: %w", err)
	}
	packing.Manifest = artifact.Manifest{
		Name: info.Name, Version: info.Version, Kind: info.Kind, Protocol: core.ProtocolVersion,
		Permissions: info.Permissions, Paths: paths, Description: info.Doc,
	}
	if _, err := publish.Pack(packing); err != nil {
		return nil, err
	}
	_, out, err := openPacked(p.Dir)
	return out, err
}

// describe starts the program for this platform and returns its description.
func (p Packing) describe(ctx context.Context, programs []publish.Program) (sdk.Info, error) {
	if p.Describe != "" {
		return readDescription(p.Describe)
	}
	for _, program := range programs {
		if program.Platform != artifact.Here() {
			continue
		}
		path, err := filepath.Abs(program.Path)
		if err != nil {
			return sdk.Info{}, err
		}
		level, err := sandbox.LevelOf(p.Sandbox, "")
		if err != nil {
			return sdk.Info{}, err
		}
		h, err := pluginhost.New(pluginhost.Options{Sandbox: level})
		if err != nil {
			return sdk.Info{}, err
		}
		info, err := h.Describe(ctx, path, "")
		return info, errors.Join(err, h.Close())
	}
	return sdk.Info{}, fmt.Errorf("no program is for %s, so none can be started to describe itself: give the output "+
		"of PROGRAM --describe in a file, with --describe FILE", artifact.Here())
}

func readDescription(path string) (sdk.Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return sdk.Info{}, err
	}
	var info sdk.Info
	if err := json.Unmarshal(raw, &info); err != nil {
		return sdk.Info{}, fmt.Errorf("%s is not the output of a plugin's --describe: %w", path, err)
	}
	return info, nil
}

// PublisherKey is the public half of a new key.
type PublisherKey struct {
	Key  string `json:"key"`
	ID   string `json:"id"`
	File string `json:"file"` // file with the public key
}

// NewKey makes a key pair: the private key in a file, encrypted unless the password is empty, and
// the public key beside it.
func NewKey(path, password string) (*PublisherKey, error) {
	key, file, err := publish.Keygen(path, password)
	return &PublisherKey{string(key), key.ID(), file}, err
}

// SignPacked signs the release in a folder. It calls password only if the private key is encrypted.
func SignPacked(dir, key string, password func() (string, error)) (*Packed, error) {
	f, err := publish.Open(dir)
	if err != nil {
		return nil, err
	}
	signer, err := publish.OpenSigner(key, password)
	if err != nil {
		return nil, err
	}
	if err := publish.Sign(f, signer); err != nil {
		return nil, err
	}
	_, out, err := openPacked(dir)
	return out, err
}

// ErrUnsigned says that a release is not signed.
var ErrUnsigned = errors.New("the release is not signed")

// Push publishes the release in a folder: to a registry, to a layout ("oci-layout:DIR"), or as
// files to a folder for a web server. to "" is the source in its name. It returns the target.
func Push(ctx context.Context, dir, to string, unsigned bool) (*Packed, string, error) {
	f, out, err := openPacked(dir)
	switch {
	case err != nil:
		return nil, "", err
	case out.Key == "" && !unsigned:
		return nil, "", fmt.Errorf("%s: %w", dir, ErrUnsigned)
	}
	if to == "" {
		to = f.Statement.Source
	}
	pusher, err := openPusher(to, f)
	if err != nil {
		return nil, "", err
	}
	return out, to, pusher.Push(ctx, f.Release, f.Archive)
}

func openPusher(to string, f *publish.Folder) (remote.Pusher, error) {
	if path, ok := artifact.LocalPath(to); ok {
		return remote.OpenFolder(path), nil
	}
	source, err := artifact.ParseSource(to)
	if err != nil {
		return nil, err
	}
	if source.Kind == artifact.Layout && source.Name != "" && source.Name != f.Statement.Source {
		return nil, fmt.Errorf("the release is of %s, not of %s", f.Statement.Source, source.Name)
	}
	r, err := remote.Open(source, remote.Options{})
	if err != nil {
		return nil, err
	}
	pusher, ok := r.(remote.Pusher)
	if !ok {
		return nil, fmt.Errorf("%s takes files, which scrapekit does not upload: push to a folder, as in ./site, "+
			"and upload that, or attach the files of the release to one of GitHub", to)
	}
	return pusher, nil
}
