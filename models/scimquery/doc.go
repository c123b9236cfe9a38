// Package scimquery writes the filters of directories (scim.Filter) as conditions of SQL. Columns names the attributes
// that can be filtered by, and where each is stored; values are bound, and nothing of a filter becomes SQL.
package scimquery
