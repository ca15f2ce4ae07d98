// Package files keeps bodies of replies in a folder, for plugins that ask for it by [sdk.Keep]:
// attachments, images, archives. Its requests go the way of the plugin's own, so all that holds
// there (credentials, limits, retries) holds here too.
//
// A file's name is the SHA-256 of its content, so equal content is kept once, a file that is there
// is whole, and reading anew what was read before a crash changes nothing:
//
//	ab/abcdef…        the content
//	keys/12/1234…     what a key stands for, as JSON: such a file is not requested again
//	.partial-…        on its way, removed by the next run if it never arrived
//
// The content and its name are durable before the plugin hears of them, and so before any record
// that names them is committed. Nothing is ever removed: other pipelines and older records may name
// the same file.
package files
