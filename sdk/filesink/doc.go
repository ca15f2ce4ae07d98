// Package filesink is the base of sinks of files. It gives each stream its file, numbers and
// compresses files, and restores them to a token after any crash. The sink adds the format: it
// makes payloads of records and calls [Files.Append].
//
// # How a file comes back to a token
//
// A token names every file that the sink answers for, with its size at the commit. A compressed
// file ends a frame at each commit, so the part before that size is a complete file. Restoring a
// token means truncating each file to its size. The token cannot know the following, because it
// happens later:
//
//   - A file may be begun after the last commit. It has to go, but a file of the same name that was
//     there before and is the user's must not.
//
//   - The sink may append to a file that it does not know from a token. It has to come back to the
//     size that it had before.
//
//   - The folder may have been moved, or the path set to another folder with files of the same
//     names.
//
//   - Somebody may add lines of their own to a file when its run is over. They must stay, while
//     what a killed run has added must go.
//
//   - In the mode overwrite a run may be killed after its first records, and before its first
//     commit. What it was about to replace has to come back.
//
// Therefore the output folder has a journal, a hidden file of a line or two (see journal.go).
// Before the first write to a file since Open, a line with the file's name and size is written and
// synced. Only this must be known in advance, and it costs one fsync for each file, not for each
// commit. The journal's first line is a random mark that tokens carry too, so that a token is used
// only on the folder it was made for. When a token is handed out, another line says so: from then
// on the host may have saved the token, and the file is not a leftover, even if the user resets the
// state and later tokens do not name it. When the sink is closed with everything committed, the
// last line names the token: an Open with that token knows that the sink wrote nothing later.
//
// The journal is locked from Open to Close, because two sinks, or two runs, of one path would
// overwrite each other. Each output file is also locked while it is open, because different paths
// may lead to the same file.
//
// Whenever the process is killed, the next Open finds one of these cases for each file. "Ours" are
// the bytes beyond the size in the token, if the journal has a line of the run that wrote the file
// and the file was not closed at this token.
//
//	line of this run, and the token's entry is of an earlier run or missing
//		→ back to the line's size
//	line of another run, and the token's entry is of this one
//		→ an error: that run wrote later
//	in the token, the run starts over
//		→ what the sink wrote goes, or an error if others added to it
//	in the token, of another day or run of the path
//		→ cut to the token's size if it is ours, else left alone
//	in the token, of an earlier run, in the mode overwrite
//		→ left there until the first records
//	in the token, and no longer
//		→ gone on with
//	in the token, longer, and that is ours
//		→ back to the token's size
//	in the token, longer, and that is not ours
//		→ gone on with at its end, or an error if compressed
//	a line that no token was handed out for
//		→ back to the line's size
//	another line
//		→ the user's now
//
// # How files are overwritten
//
// In the mode overwrite, the first records of a run move the files of earlier runs aside, to hidden
// names in the same folder. A foreign file with the name of a new one is moved too. A line of the
// journal names the files beforehand. The token carries the id of the last such line, so Open knows
// which files the commit had replaced: those are removed, and all others are moved back over the
// new ones. The next commit, or Close, also removes them: either call means that the host has saved
// the token.
//
// Restoring is finished and synced before the journal is emptied. Doing it twice does no harm.
package filesink
