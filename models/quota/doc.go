// Package quota is what the user of a virtual key may still spend.
package quota
