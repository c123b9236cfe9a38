// Package propagation brings the field groups of a profile to the copies that were made from it: a plan with a
// preview, a job in the database, and a worker with a lease and a fence, which pushes two batches at a time. A copy is
// changed as a whole or not at all; a job that is interrupted is resumed.
package propagation
