package directory

import (
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/models/scim"
)

// resource is a user or group as it is answered, by the names of attributes.
type resource map[string]any

// always are the attributes that every answer has.
var always = []string{"schemas", "id"}

// shown is the resource without what is not asked for.
func (p projection) shown(r resource) resource {
	kept := resource{}
	for name, value := range r {
		short := strings.ToLower(name)
		if name == scim.EnterpriseSchema {
			short = "enterprise"
		}
		if name == always[0] || name == always[1] || p.shows(short) {
			kept[name] = value
		}
	}
	return kept
}

// list answers a page of resources.
func list(c *gin.Context, q query, rows []resource, total int64) error {
	for i := range rows {
		rows[i] = q.shown(rows[i])
	}
	reply.SCIM(c, 200, gin.H{
		"schemas":      []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"},
		"totalResults": total, "startIndex": q.Start, "itemsPerPage": len(rows), "Resources": rows,
	})
	return nil
}

// meta says when a resource was made and changed, and where it is.
func meta(kind, location string, version int64, created, changed time.Time) gin.H {
	return gin.H{
		"resourceType": kind, "location": location, "version": tag(version),
		"created": created.UTC().Format(time.RFC3339Nano), "lastModified": changed.UTC().Format(time.RFC3339Nano),
	}
}
