// Package password reads, hashes and checks passwords, two at a time with a short queue, so that many sign-ins cannot
// exhaust memory. Hashes are argon2id in the PHC format.
package password
