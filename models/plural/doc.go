// Package plural writes counts with their nouns, the same in API messages and on pages.
package plural
