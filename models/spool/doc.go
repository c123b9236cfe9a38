// Package spool keeps lines in a folder until they are dealt with: what was added is on disk, and is there again after
// a crash. Each line has a checksum. Lines are added to one file; to deal with them it is closed, and its lines are
// read in their order. A file is deleted when all of its lines are done, so that after a crash some are read twice. A
// last line that is torn was never confirmed, and is left out. A folder belongs to one process.
package spool
