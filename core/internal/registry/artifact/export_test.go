package artifact

// ReadArchiveUpTo is ReadArchive with another bound.
var ReadArchiveUpTo = readArchive
