// Package requests has the pages on which users ask for more, and admins decide.
package requests
