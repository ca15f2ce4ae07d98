// Package files stores bodies of replies in a folder, for plugins that request it with [sdk.Keep]:
// attachments, images, archives. The requests take the same path as the plugin's own, with the same
// credentials, limits and retries.
//
// A file's name is the SHA-256 of its content. So equal content is stored once, every file is
// complete, and repeating work after a crash changes nothing:
//
//	ab/abcdef…        the content
//	keys/12/1234…     the content for a key, as JSON: such a file is not requested again
//	.partial-…        being written; the next run removes it after a crash
//
// The content and its name are durable before the plugin receives the name, and so before any
// record with that name is committed. Files are never removed, because other pipelines and older
// records may refer to them.
package files
