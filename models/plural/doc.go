// Package plural writes counts with their nouns, the same in messages of the API and on pages.
package plural
