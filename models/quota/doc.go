// Package quota tells the holder of a virtual key what may still be spent.
package quota
