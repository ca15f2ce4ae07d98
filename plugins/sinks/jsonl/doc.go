// Package jsonl is a sink that writes JSON Lines files: plain, gzip or zstd, one or many a stream.
//
// # How a file comes back to a token
//
// A token names every file that the sink answers for, with its size at the commit. A compressed file ends
// a frame at each commit, so what is before that size is a whole file. To come back to a token is to cut each
// file to its size. Three things remain that the token cannot know, because they happen after it was made:
//
//   - A file may be begun after the last commit. It has to go, but a file of the same name that was there
//     before and is the user's must not.
//   - The sink may append to a file that it does not know from a token. It has to come back to the size
//     that it had before.
//   - The folder may have been moved, or the path set to another folder with files of the same names.
//
// So there is a journal in the output folder, a hidden file of a line or two (see journal.go). Before the
// first byte goes into a file that is in no token, a line with its name and its size until then is written
// and synced: this is the only thing that has to be known before it happens, and it costs one fsync a file,
// not one a commit. Its first line is a random mark that tokens carry too, so that a token is used only on the folder it
// was made for. When a token is handed out for the first time for a file, a further line says so: from then
// on the host may have kept the token, and the file is not a leftover even if a later token does not name it
// because the user has reset the state.
//
// At whatever instant the process is killed, the next Open finds for each file one of these:
//
//	in the token, line of this run, but the token's entry is of an earlier run  → back to the line's size
//	in the token                                                                → back to the token's size
//	line of this run, or a line that no token was handed out for                → back to the line's size
//	line of another run that a token was handed out for                         → the user's now
//
// The first row is a file that the user had taken away after an earlier run and that this run began anew. Going back is
// done and synced before the journal is emptied, and doing it twice does no harm.
package jsonl
