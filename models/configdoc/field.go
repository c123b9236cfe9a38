package configdoc

import (
	"regexp"
	"strings"
)

// inAPI matches the ends of paths that documents do not have, because they name things where the API takes ids.
var inAPI = regexp.MustCompile(`\.(tool_group_id|mcp_server_id)$|^role_ids.*$|role_id$|^connection_id$|^credential_value$`)

// FieldOf is the path in a document of a field of the API.
func FieldOf(field string) string {
	return inAPI.ReplaceAllStringFunc(field, func(end string) string {
		switch {
		case strings.HasPrefix(end, "role_ids"):
			return "roles"
		case end == "role_id":
			return "role" // also of default_role_id
		case end == "connection_id":
			return "connection"
		case end == "credential_value":
			return "url" // the credential was entered for another address
		}
		return ""
	})
}
