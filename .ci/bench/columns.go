package main

import "fmt"

// columns turns rows on their side: one list a column, as unnest takes them.
func columns(rows [][]any) []any {
	lists := make([]any, len(rows[0]))
	for i := range lists {
		list := make([]any, len(rows))
		for k, row := range rows {
			list[k] = row[i]
		}
		lists[i] = list
	}
	return lists
}

// without drops the first column, the policy's id.
func without(rows [][]any) [][]any {
	rest := make([][]any, len(rows))
	for i, row := range rows {
		rest[i] = row[1:]
	}
	return rest
}

// placeholders are those of a provider's row behind the n-th argument; the first argument is the policy.
func placeholders(n int) string { return fmt.Sprintf("($1, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4) }
