// Package quota computes what the user of a virtual key may still use of each limit.
package quota
