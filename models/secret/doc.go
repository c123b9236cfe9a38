// Package secret derives the keys of the installation and makes, hashes and masks secrets. A secret is stored as its
// HMAC with a prefix and the last four characters; one that has to be read again is sealed.
package secret
