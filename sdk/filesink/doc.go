// Package filesink is what a sink of files stands on: it gives each stream its file, numbers files,
// compresses them, and brings all of them back to a token, whatever was killed. The sink adds the
// format: it makes payloads of records, and calls [Files.Append].
//
// # How a file comes back to a token
//
// A token names every file that the sink answers for, with its size at the commit. A compressed
// file ends a frame at each commit, so what is before that size is a whole file. To come back to a
// token is to cut each file to its size. Some things remain that the token cannot know, because
// they happen after it was made:
//
//   - A file may be begun after the last commit. It has to go, but a file of the same name that was there
//     before and is the user's must not.
//
//   - The sink may append to a file that it does not know from a token. It has to come back to the size
//     that it had before.
//
//   - The folder may have been moved, or the path set to another folder with files of the same names.
//
//   - Somebody may add lines of their own to a file when its run is over. They must stay, while what a killed
//     run has added must go.
//
//   - In the mode overwrite a run may be killed after its first records, and before its first commit. What
//     it was about to replace has to come back.
//
// So there is a journal in the output folder, a hidden file of a line or two (see journal.go).
// Before the first byte since Open goes into a file, a line with its name and its size until then
// is written and synced: this is the only thing that has to be known before it happens, and it
// costs one fsync a file, not one a commit. Its first line is a random mark that tokens carry too,
// so that a token is used only on the folder it was made for. When a token is handed out, a further
// line says so: from then on the host may have kept the token, and the file is not a leftover even
// if a later token does not name it because the user has reset the state. When the sink is closed
// with everything committed, the last line says at which token: whoever opens it with that token
// knows that nothing of ours came later.
//
// The journal is locked from Open to Close. Two sinks, or two runs, of one path would write over
// each other. Each output file is locked too while it is open, for paths that are not the same and
// lead to the same file.
//
// At whatever instant the process is killed, the next Open finds for each file one of these. "Ours"
// is what lies behind the size in the token if there is a line of the run that wrote the file, and
// it was not closed at this token.
//
//	line of this run, and the token's entry is of an earlier run or missing  → back to the line's size
//	line of another run, and the token's entry is of this one                → an error: that run wrote later
//	in the token, the run starts over                                        → what the sink wrote goes, or an error if others added to it
//	in the token, of another day or run of the path                          → cut to the token's size if it is ours, else left alone
//	in the token, of an earlier run, in the mode overwrite                   → left there until the first records
//	in the token, and no longer                                              → gone on with
//	in the token, longer, and that is ours                                   → back to the token's size
//	in the token, longer, and that is not ours                               → gone on with at its end, or an error if compressed
//	a line that no token was handed out for                                  → back to the line's size
//	another line                                                             → the user's now
//
// # How files are overwritten
//
// With its first records a run in the mode overwrite moves the files of earlier runs aside, to
// hidden names in the same folder, and a file of somebody else when it begins one of that name. A
// line of the journal names them before. The token carries the id of the last such line, so Open
// knows which of them the commit had replaced: those are removed, all others are moved back over
// what came instead. The next commit, or Close, removes them as well: either says that the host has
// kept the token.
//
// Going back is done and synced before the journal is emptied, and doing it twice does no harm.
package filesink
