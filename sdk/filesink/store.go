// Settings for files on an object store.

package filesink

import (
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/objects"
)

// Store holds the settings of an object store. A sink embeds them in its own settings.
type Store struct {
	Endpoint      string `json:"endpoint" host:"true" doc:"The address of the object store, if path is one. A host that begins with the bucket's name is that bucket's own; any other gets the bucket in the path." example:"https://s3.eu-central-1.amazonaws.com"`
	Visible       string `json:"visible" enum:"end,commit" default:"end" doc:"When objects are there to be read: at the end of the run (or when they are full, see rotate_size), or after each commit, as one numbered object a commit."`
	StorageClass  string `json:"storage_class" doc:"The storage class of new objects." example:"STANDARD_IA"`
	Encryption    string `json:"encryption" doc:"How S3 encrypts new objects." example:"aws:kms"`
	EncryptionKey string `json:"encryption_key" doc:"The key of the store that it encrypts with." example:"alias/corpus"`
}

// newRemote returns the object store that a path names. For a path on a disk it is nil, or the
// disk if files are made whole.
func newRemote(o Options, t template) (*remote, error) {
	var store objects.Uploads
	if _, _, _, ok := objects.Split(o.Path); ok {
		var err error
		store, err = objects.New(o.Path, objects.Settings{Endpoint: o.Store.Endpoint,
			StorageClass: o.Store.StorageClass, Encryption: o.Store.Encryption, EncryptionKey: o.Store.EncryptionKey})
		if err != nil {
			return nil, err
		}
	} else {
		settings := o.Store
		if settings.Visible == "end" || o.Maker != nil {
			settings.Visible = ""
		}
		if settings != (Store{}) {
			return nil, sdk.Permanent(fmt.Errorf(
				"endpoint, visible, storage_class and encryption are for object stores, and path %q is on disk",
				o.Path))
		}
		if o.Maker == nil {
			return nil, nil
		}
		store = disk{t.root, o.Maker}
	}
	switch o.Store.Visible {
	case "", "end", "commit":
	default:
		return nil, sdk.Permanent(fmt.Errorf("visible %q: it is end or commit", o.Store.Visible))
	}
	r := &remote{store: store, parts: firstParts, each: o.Store.Visible == "commit", overwrite: o.Mode == "overwrite"}
	if r.each && r.overwrite {
		return nil, sdk.Permanent(errors.New(`visible = "commit" adds objects: it does not go with mode = "overwrite"`))
	}
	return r, nil
}
