// Routes of the children of one issue.

package jiratest

import (
	"fmt"
	"net/http"
)

func (c *call) issueVotes() error {
	r, err := c.record()
	if err == nil {
		c.votes(r, true)
	}
	return err
}

func (c *call) issueWatchers() error {
	r, err := c.record()
	if err == nil {
		c.watchers(r, true)
	}
	return err
}

// issueRemoteLinks lists all remote links, or the one with a global id.
func (c *call) issueRemoteLinks() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	global := c.r.URL.Query().Get("globalId")
	for i := range r.remotes {
		if global != "" && r.remotes[i].global == global {
			c.remoteLink(r, &r.remotes[i])
			return nil
		}
	}
	if global != "" {
		return messages(http.StatusNotFound, "A remote link with the global id '"+global+"' does not exist.")
	}
	c.out.WriteByte('[')
	for i := range r.remotes {
		if i > 0 {
			c.out.WriteByte(',')
		}
		c.remoteLink(r, &r.remotes[i])
	}
	c.out.WriteByte(']')
	return nil
}

func (c *call) issuePropertyKeys() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	c.out.WriteString(`{"keys":[`)
	for i, p := range r.properties {
		if i > 0 {
			c.out.WriteByte(',')
		}
		fmt.Fprintf(c.out, `{"self":"%s/issue/%d/properties/%s","key":%s}`, apiRoot, r.id, p.key, quote(p.key))
	}
	c.out.WriteString("]}")
	return nil
}

func (c *call) issueProperty() error {
	r, err := c.record()
	if err != nil {
		return err
	}
	p := r.property(c.r.PathValue("propertyKey"))
	if p == nil {
		return messages(http.StatusNotFound, "The property with key '"+c.r.PathValue("propertyKey")+"' does not exist.")
	}
	fmt.Fprintf(c.out, `{"key":%s,"value":%s}`, quote(p.key), p.value)
	return nil
}

// oneAttachment answers with the metadata of an attachment.
func (c *call) oneAttachment() error {
	_, a, err := c.attachmentOfPath()
	if err == nil {
		c.attachment(a, singleAttachment)
	}
	return err
}

// attachmentOfPath finds the attachment of the path, if the caller sees its issue.
func (c *call) attachmentOfPath() (*record, *attachment, error) {
	id := c.r.PathValue("id")
	for _, r := range c.server.store.all {
		for i := range r.attachments {
			if decimal(r.attachments[i].id) == id && c.sees(r) {
				return r, &r.attachments[i], nil
			}
		}
	}
	return nil, nil, messages(http.StatusNotFound, "The attachment with id '"+id+"' does not exist")
}
