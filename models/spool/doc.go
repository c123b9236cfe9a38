// Package spool keeps lines in a folder until they are dealt with: what was added is on disk, and is there again after
// a crash. Each line has a checksum. Lines are added to one file, of about 16 MiB at most; to deal with them it is
// closed, and its lines are read in their order. A file is deleted when all of its lines are done, so that after a
// crash some are read twice. A last line that is torn was never confirmed, and is left out. A file with other lines
// that are damaged is kept under another name when the rest is done. A folder belongs to one process.
package spool
