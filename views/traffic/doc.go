// Package traffic has the pages of what gateways asked and reported: usage and what needs attention in it, the log of
// refusals, and the quarantine of usage whose key is unknown.
package traffic
