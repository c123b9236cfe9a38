// Package search finds what a console knows by a few letters, and the actions that can be taken on it; Kinds lists what
// can be found. An actor finds only what they may see, and a few of each kind; a whole key finds its user, and is
// compared by its hash alone.
package search
